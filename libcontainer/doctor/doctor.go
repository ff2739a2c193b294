// Package doctor examines whether this machine can run containers: what works, what does not, and what to do.
//
// It turns the probes of package host, and the state of cgroups and id ranges, into a list of findings, for `rt
// doctor`. It changes nothing. It starts one process, which ends immediately. Its advice does not depend on the
// distribution.
package doctor

import (
	"os"

	"rt/libcontainer/host"
)

// Level is the severity of a finding.
type Level string

// The levels.
const (
	Good    Level = "ok"      // it works
	Limited Level = "limited" // containers run, with less isolation, fewer features or less speed
	Bad     Level = "bad"     // no container runs until this is fixed
	Unknown Level = "unknown" // this user has no access, or only running a container would tell
)

// Finding is one line of the report.
type Finding struct {
	Subject string // what it is about: "cgroups"
	Level   Level
	Found   string // what was found
	Advice  string // what to do about it; "" if nothing
}

// Examine returns all findings, in the order in which containers need things.
func Examine() []Finding {
	f := host.Probe()
	var list []Finding
	for _, examine := range []func(*host.Facts) []Finding{
		examineKernel, examinePrivileges, examineNamespaces, examineIDs, examineCgroups, examineSecurity,
		examineFileSystems,
	} {
		list = append(list, examine(&f)...)
	}
	return list
}

// CanRun reports whether no finding has the level Bad.
func CanRun(list []Finding) bool {
	for i := range list {
		if list[i].Level == Bad {
			return false
		}
	}
	return true
}

// readFile returns the text of a small file in /proc or /sys without the newline at its end; "" if it can't be read.
func readFile(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	for len(text) > 0 && text[len(text)-1] == '\n' {
		text = text[:len(text)-1]
	}
	return string(text)
}
