package contract

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// What engines make of rt's answers. Each function does what the function of an engine does that its comment names, in
// words of our own.

// lastError is the message of the last error in a log, as containerd has it (process/utils.go, getLastRuntimeError) and
// BuildKit. A line that is no JSON ends the search with nothing.
func lastError(log string) (last string, err error) {
	d := json.NewDecoder(strings.NewReader(log))
	for {
		var entry struct {
			Level string
			Msg   string
			Time  time.Time
		}
		err := d.Decode(&entry)
		if errors.Is(err, io.EOF) {
			return last, nil
		}
		if err != nil {
			return "", err
		}
		if entry.Level == "error" {
			last = strings.TrimSpace(entry.Msg)
		}
	}
}

// podmanMessage is what Podman shows of a log: all of it is one object, or Podman does not understand it
// (libpod/oci_conmon_common.go, readConmonPipeData).
func podmanMessage(log string) (string, error) {
	var entry struct{ Msg string }
	err := json.Unmarshal([]byte(log), &entry)
	return strings.TrimSpace(entry.Msg), err
}

// What Podman looks for in a message (libpod/oci_util.go, getOCIRuntimeError), in this order.
var (
	podmanDenied   = regexp.MustCompile(`(?i)permission denied|operation not permitted`)
	podmanNotFound = regexp.MustCompile("(?i)executable file not found in|no such file or directory|open executable")
)

// podmanStatus is the exit status of `podman run` for a message.
func podmanStatus(message string) int {
	switch {
	case podmanDenied.MatchString(message):
		return 126
	case podmanNotFound.MatchString(message):
		return 127
	}
	return 125
}

// mobyStatus is the exit status of `docker run` for a message (daemon/errors.go, setExitCodeFromError).
func mobyStatus(message string) int {
	message = strings.ToLower(message)
	for _, row := range []struct {
		words  string
		status int
	}{
		{"permission denied", 126},
		{"is a directory", 126},
		{"not a directory", 127},
		{"executable file not found", 127},
		{"no such file or directory", 127},
	} {
		if strings.Contains(message, row.words) {
			return row.status
		}
	}
	return 128
}

// mobyMeansMounts reports whether dockerd asks the user about a mount of a directory on a file, which it does where a
// message has these words.
func mobyMeansMounts(message string) bool {
	message = strings.ToLower(message)
	return strings.Contains(message, "not a directory") && !strings.Contains(message, "permission denied")
}

// isGone reports whether containerd takes the failure of a kill for "it has ended already" (process/utils.go,
// checkKillError).
func isGone(message string) bool {
	message = strings.ToLower(message)
	return strings.Contains(message, "os: process already finished") ||
		strings.Contains(message, "container not running") ||
		strings.Contains(message, "no such process") || isUnknown(message)
}

// isGoneToCRIO is the same for CRI-O, which heeds the case (internal/oci/runtime_oci.go).
func isGoneToCRIO(message string) bool {
	return strings.Contains(message, "os: process already finished") ||
		strings.Contains(message, "container not running") ||
		strings.Contains(message, "no such process")
}

// isUnknown reports whether containerd takes a failure for "there is no such container".
func isUnknown(message string) bool { return strings.Contains(message, "does not exist") }

// pidOf reads a pid file as go-runc does: all of it is the number (utils.go, ReadPidFile).
func pidOf(path string) (int, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(string(text))
}

// goRuncVersion is go-runc's parseVersion (runc.go): without these words at the beginning there is no version.
func goRuncVersion(text string) (version, commit, spec string) {
	for i, line := range strings.Split(strings.TrimSpace(text), "\n") {
		if i == 0 {
			v, ok := strings.CutPrefix(line, "runc version ")
			if !ok {
				return "", "", ""
			}
			version = v
		}
		if v, ok := strings.CutPrefix(line, "commit: "); ok {
			commit = v
		}
		if v, ok := strings.CutPrefix(line, "spec: "); ok {
			spec = v
		}
	}
	return version, commit, spec
}

// mobyVersion is dockerd's parseRuntimeVersion (daemon/info_unix.go): the name is what stands in front of "version",
// wherever that is.
func mobyVersion(text string) (name, version, commit string) {
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if strings.Contains(line, "version") {
			parts := strings.Split(line, "version")
			name, version = strings.TrimSpace(parts[0]), strings.TrimSpace(parts[len(parts)-1])
		} else if v, ok := strings.CutPrefix(line, "commit:"); ok {
			commit = strings.TrimSpace(v)
		}
	}
	return name, version, commit
}

// topOf is go-runc's Top: the columns of a table, and its rows with what is left in the last column.
func topOf(table string) (head []string, rows [][]string) {
	for i, line := range strings.Split(strings.TrimSpace(table), "\n") {
		fields := strings.Fields(line)
		if i == 0 {
			head = fields
			continue
		}
		n := len(head) - 1
		rows = append(rows, append(fields[:n:n], strings.Join(fields[n:], " ")))
	}
	return head, rows
}
