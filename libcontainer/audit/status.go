package audit

import (
	"os"
	"strconv"
	"strings"

	"rt/spec"
)

// status is what proc_pid_status(5) tells of the rights of a process. IDs are those of rt's own user namespace.
type status struct {
	uids, gids, groups []uint32
	caps               spec.Capabilities
	noNewPrivs         bool
	seccomp            int // the mode: seccomp(2)
	filters            int // how many filters are loaded (Linux 5.9); -1: not known
}

// readStatus reads the status of a process; 0 stands for rt.
func readStatus(pid int) (*status, error) {
	name := "self"
	if pid != 0 {
		name = strconv.Itoa(pid)
	}
	text, err := os.ReadFile("/proc/" + name + "/status")
	if err != nil {
		return nil, unreadable("the rights", "read", err)
	}
	s := &status{filters: -1}
	for line := range strings.Lines(string(text)) {
		key, rest, _ := strings.Cut(line, ":")
		fields := strings.Fields(rest)
		switch key {
		case "Uid":
			s.uids = numbers(fields)
		case "Gid":
			s.gids = numbers(fields)
		case "Groups":
			s.groups = numbers(fields)
		case "CapInh":
			s.caps.Inheritable = mask(fields)
		case "CapPrm":
			s.caps.Permitted = mask(fields)
		case "CapEff":
			s.caps.Effective = mask(fields)
		case "CapBnd":
			s.caps.Bounding = mask(fields)
		case "CapAmb":
			s.caps.Ambient = mask(fields)
		case "NoNewPrivs":
			s.noNewPrivs = len(fields) == 1 && fields[0] == "1"
		case "Seccomp":
			s.seccomp = first(fields)
		case "Seccomp_filters":
			s.filters = first(fields)
		}
	}
	return s, nil
}

func numbers(fields []string) (list []uint32) {
	for _, f := range fields {
		if n, err := strconv.ParseUint(f, 10, 32); err == nil {
			list = append(list, uint32(n))
		}
	}
	return list
}

func mask(fields []string) uint64 {
	n, _ := strconv.ParseUint(strings.Join(fields, ""), 16, 64)
	return n
}

func first(fields []string) int {
	if len(fields) == 0 {
		return 0
	}
	n, _ := strconv.Atoi(fields[0])
	return n
}
