package sys

import "strings"

// StatusFields returns the fields of a line of /proc/PID/status (proc_pid_status(5)); nil if text has no line of key.
func StatusFields(text []byte, key string) []string {
	_, rest, _ := strings.Cut("\n"+string(text), "\n"+key+":")
	line, _, _ := strings.Cut(rest, "\n")
	return strings.Fields(line)
}
