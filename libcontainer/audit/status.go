package audit

import (
	"os"
	"strconv"
	"strings"

	"rt/spec"
)

// status has the privileges of a process: proc_pid_status(5). IDs are those in rt's user namespace.
type status struct {
	uids, gids, groups []uint32
	caps               spec.Capabilities
	noNewPrivs         bool
	seccomp            int // the mode: seccomp(2)
	filters            int // the number of loaded filters; -1 before Linux 5.9, which does not tell it
}

// readStatus reads the status of a process; 0 stands for rt.
func readStatus(pid int) (*status, error) {
	name := "self"
	if pid != 0 {
		name = strconv.Itoa(pid)
	}
	text, err := os.ReadFile("/proc/" + name + "/status")
	if err != nil {
		return nil, readError("the status", "read", err)
	}
	s := &status{filters: -1}
	for line := range strings.Lines(string(text)) {
		key, rest, _ := strings.Cut(line, ":")
		fields := strings.Fields(rest)
		switch key {
		case "Uid":
			s.uids = parseIDs(fields)
		case "Gid":
			s.gids = parseIDs(fields)
		case "Groups":
			s.groups = parseIDs(fields)
		case "CapInh":
			s.caps.Inheritable = parseMask(fields)
		case "CapPrm":
			s.caps.Permitted = parseMask(fields)
		case "CapEff":
			s.caps.Effective = parseMask(fields)
		case "CapBnd":
			s.caps.Bounding = parseMask(fields)
		case "CapAmb":
			s.caps.Ambient = parseMask(fields)
		case "NoNewPrivs":
			s.noNewPrivs = len(fields) == 1 && fields[0] == "1"
		case "Seccomp":
			s.seccomp = parseNumber(fields)
		case "Seccomp_filters":
			s.filters = parseNumber(fields)
		}
	}
	return s, nil
}

// parseIDs parses user or group IDs.
func parseIDs(fields []string) (list []uint32) {
	for _, f := range fields {
		if n, err := strconv.ParseUint(f, 10, 32); err == nil {
			list = append(list, uint32(n))
		}
	}
	return list
}

// parseMask parses a set of capabilities.
func parseMask(fields []string) uint64 {
	n, _ := strconv.ParseUint(strings.Join(fields, ""), 16, 64)
	return n
}

// parseNumber parses a line with one number; 0 if it has none.
func parseNumber(fields []string) int {
	if len(fields) == 0 {
		return 0
	}
	n, _ := strconv.Atoi(fields[0])
	return n
}
