// Package doctor examines whether this machine can run containers: what works, what does not, and what to do.
//
// It turns the probes of package host, and the state of cgroups, id ranges and limits, into a list of findings. It runs
// in rt only, for `rt doctor`. It changes nothing; it starts one process, which ends at once. Its advice does not
// depend on the distribution.
package doctor

import (
	"os"

	"rt/libcontainer/host"
)

// Level is the severity of a finding.
type Level string

// The levels.
const (
	Good   Level = "ok"     // it works
	Less   Level = "less"   // containers run, with less isolation, fewer features or less speed
	Bad    Level = "bad"    // containers can't run until this is fixed
	Unsure Level = "unsure" // this user can't find out, or only a trial would tell
)

// Finding is one line of the report.
type Finding struct {
	Subject string // "cgroups"
	Level   Level
	Found   string // what was found
	Advice  string // what to do about it, "" if nothing
}

// Examine returns all findings, in the order in which containers need things.
func Examine() []Finding {
	f := host.Probe()
	var list []Finding
	for _, examine := range []func(*host.Facts) []Finding{kernel, rights, namespaces, ids, cgroups, security, files} {
		list = append(list, examine(&f)...)
	}
	return list
}

// CanRun reports whether no finding keeps every container from running.
func CanRun(list []Finding) bool {
	for i := range list {
		if list[i].Level == Bad {
			return false
		}
	}
	return true
}

// read returns a small file in /proc or /sys without the newline at its end; "" if it can't be read.
func read(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	for len(text) > 0 && text[len(text)-1] == '\n' {
		text = text[:len(text)-1]
	}
	return string(text)
}
