package process

import (
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/spec"
)

// Status has the privileges of a thread: proc_pid_status(5). IDs are those in rt's user namespace.
type Status struct {
	UIDs, GIDs   [4]uint32 // real, effective, saved, file system
	Groups       []uint32
	Capabilities spec.Capabilities
	NoNewPrivs   bool
	Seccomp      int // the mode: seccomp(2)
	Filters      int // the number of loaded filters; -1 before Linux 5.9, which does not tell it
}

// Filtered reports whether a seccomp filter is loaded.
func (s *Status) Filtered() bool { return s.Seccomp == unix.SECCOMP_MODE_FILTER }

// ReadStatus reads the privileges of a thread; of its main thread, if it is called with the pid of a process. The
// threads of a process may differ (credentials(7)). 0 stands for rt's own process. The error wraps ENOENT or ESRCH if
// the thread has ended.
func ReadStatus(tid int) (*Status, error) {
	name := "self"
	if tid != 0 {
		name = strconv.Itoa(tid)
	}
	text, err := os.ReadFile("/proc/" + name + "/status")
	if err != nil {
		return nil, diag.Sys("the privileges of process "+name+" can't be read", "read", err)
	}
	s, ok := parseStatus(string(text))
	if !ok {
		return nil, &diag.Error{
			Kind:    diag.Kernel,
			Problem: "the status of process " + name + " has an unknown format",
		}
	}
	return s, nil
}

// parseStatus parses a text of proc_pid_status(5). It returns false if a line is missing or has an unknown format.
func parseStatus(text string) (*Status, bool) {
	const required = 10 // all but Seccomp_filters
	s, found := &Status{Filters: -1}, 0
	for line := range strings.Lines(text) {
		key, rest, _ := strings.Cut(line, ":")
		known, ok := s.parseLine(key, strings.Fields(rest))
		if !ok {
			return nil, false
		}
		if known {
			found++
		}
	}
	return s, found == required
}

// parseLine parses a line of proc_pid_status(5). It returns whether each status has this line, and false for a line of
// an unknown format.
func (s *Status) parseLine(key string, fields []string) (known, ok bool) {
	switch key {
	case "Uid":
		return true, parseIDs(fields, s.UIDs[:])
	case "Gid":
		return true, parseIDs(fields, s.GIDs[:])
	case "Groups":
		s.Groups = make([]uint32, len(fields))
		return true, parseIDs(fields, s.Groups)
	case "CapInh":
		return true, parseSet(fields, &s.Capabilities.Inheritable)
	case "CapPrm":
		return true, parseSet(fields, &s.Capabilities.Permitted)
	case "CapEff":
		return true, parseSet(fields, &s.Capabilities.Effective)
	case "CapBnd":
		return true, parseSet(fields, &s.Capabilities.Bounding)
	case "CapAmb":
		return true, parseSet(fields, &s.Capabilities.Ambient)
	case "NoNewPrivs":
		var n int
		ok = parseNumber(fields, &n)
		s.NoNewPrivs = n == 1
		return true, ok
	case "Seccomp":
		return true, parseNumber(fields, &s.Seccomp)
	case "Seccomp_filters":
		return false, parseNumber(fields, &s.Filters)
	}
	return false, true
}

// parseIDs parses as many user or group IDs as to holds.
func parseIDs(fields []string, to []uint32) bool {
	if len(fields) != len(to) {
		return false
	}
	for i, f := range fields {
		n, err := strconv.ParseUint(f, 10, 32)
		if err != nil {
			return false
		}
		to[i] = uint32(n)
	}
	return true
}

// parseSet parses a set of capabilities.
func parseSet(fields []string, to *uint64) bool {
	n, err := strconv.ParseUint(strings.Join(fields, ""), 16, 64)
	*to = n
	return err == nil
}

// parseNumber parses a line with one number.
func parseNumber(fields []string, to *int) bool {
	n, err := strconv.Atoi(strings.Join(fields, ""))
	*to = n
	return err == nil
}
