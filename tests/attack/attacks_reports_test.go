package attack

import (
	"os"
	"strconv"
	"strings"
)

// Reports of a boot process that does not follow its plan. rt acts on the host by what it is told.

func init() { add(attacksWithReports) }

var attacksWithReports = []attack{
	{
		name: "reports", what: "the pid of the program is that of a process of the host, which engines then signal",
		try: func(s *stage) string {
			if s.up("sleep", "60") == 0 {
				s.t.Fatal("no container")
			}
			victim := strconv.Itoa(s.background("sleep", "60").Process.Pid)
			s.boot = "report same " + victim + " report its pid"
			s.rt("exec", "--detach", "--pid-file", s.dir+"/pid", s.id, "true")
			if pid, err := os.ReadFile(s.dir + "/pid"); err == nil && string(pid) == victim {
				return "rt calls it the program's process"
			}
			return ""
		},
		without: []way{{patches: []patch{{
			"libcontainer/supervise/session.go", "if passes == plan.PassesPid && !s.canReplace(r.Value) {",
			"if passes == plan.PassesPid && !OFF && !s.canReplace(r.Value) {",
		}}}},
	},
	{
		name: "reports",
		what: "the step has an index that the plan does not have, and rt dies in the middle of its work",
		try: func(s *stage) string {
			s.boot = "report 60000 0 report"
			if out, _ := s.run("true"); strings.Contains(out, "goroutine ") {
				return "rt has panicked"
			}
			return ""
		},
		without: []way{{patches: []patch{{
			"libcontainer/supervise/session.go", "if r.Step < 0 || r.Step >= len(s.Steps) {",
			"if !OFF && (r.Step < 0 || r.Step >= len(s.Steps)) {",
		}}}},
	},
}
