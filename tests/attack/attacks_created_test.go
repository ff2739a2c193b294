package attack

import (
	"strings"
)

// A container that waits for its start: its first process has all the rights that it takes to become the program.

func init() { add(attacksOnCreated) }

// tracesFirst is a command that opens the memory of the container's first process for writing (ptrace(2), "Ptrace
// access mode checking").
const tracesFirst = "exec 9<>/proc/1/mem && echo memory is open"

var attacksOnCreated = []attack{
	{
		name: "created container",
		what: "a process of exec with CAP_SYS_PTRACE traces the one that waits for the start",
		try: func(s *stage) string {
			s.maySeeAndTrace()
			s.Config.args("sleep", "60")
			s.save()
			if out, status := s.rt("create", "--bundle", s.bundle, s.newID()); status != 0 {
				s.t.Fatal("no container: " + out)
			}
			out, _ := s.rt("exec", s.id, "sh", "-c", tracesFirst)
			return traced(out)
		},
		without: []way{{patches: []patch{{
			"libcontainer/join/join.go", "	if p.seesBoot() {", "	if !OFF && p.seesBoot() {",
		}}}},
	},
	{
		name: "created container", what: "a startContainer hook, a program of the image, traces it",
		try: func(s *stage) string {
			s.maySeeAndTrace()
			s.Config.at("hooks")["startContainer"] = []any{map[string]any{
				"path": "/bin/sh", "args": []string{"sh", "-c", tracesFirst + " >/hooked"},
			}}
			s.run("true")
			out, _ := s.read("hooked")
			return traced(out)
		},
		without: []way{{patches: []patch{{
			"libcontainer/join/join.go", "		p.leaveOutPtrace()",
			"		if !OFF {\n			p.leaveOutPtrace()\n		}",
		}}}},
	},
	{
		name: "created container", what: "a container that joins its pid namespace traces it",
		try: func(s *stage) string {
			s.Config.args("sleep", "60")
			s.save()
			if out, status := s.rt("create", "--bundle", s.bundle, s.newID()); status != 0 {
				s.t.Fatal("no container: " + out)
			}
			first := s.pid()
			s.joinPid(first)
			s.maySeeAndTrace()
			out, _ := s.run("sh", "-c", tracesFirst)
			return traced(out)
		},
		without: []way{{patches: []patch{{
			"libcontainer/inspect/namespaces.go",
			"	case plan.AsksForPidNS(s) &&", "	case !OFF && plan.AsksForPidNS(s) &&",
		}}}},
	},
}

// maySeeAndTrace gives the container CAP_SYS_PTRACE.
func (s *stage) maySeeAndTrace() {
	caps := s.Config.at("process", "capabilities")
	for _, set := range []string{"bounding", "permitted", "effective"} {
		caps[set] = append(caps[set].([]any), "CAP_SYS_PTRACE")
	}
}

func traced(out string) string {
	if strings.Contains(out, "memory is open") {
		return "the memory of a process with all rights can be written"
	}
	return ""
}
