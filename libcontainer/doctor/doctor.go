// Package doctor looks at this machine the way a person would who wants to run containers on it: what works, what does not, and what to do.
//
// It turns the probes of package host, and a look at cgroups, id ranges and limits, into a list of findings. It runs in rt only, for `rt doctor`, and
// changes nothing but for one process that it makes and that ends at once. It gives no advice that depends on a distribution it does not see.
package doctor

import (
	"os"

	"rt/libcontainer/host"
)

// Level says how bad a finding is.
type Level string

// The levels.
const (
	Good   Level = "ok"     // it works
	Less   Level = "less"   // containers run, with something missing or in a slower way
	Bad    Level = "bad"    // containers can't run until this is mended
	Unsure Level = "unsure" // this user may not know, or only a trial would tell
)

// Finding is one line of the report.
type Finding struct {
	Subject string // "cgroups"
	Level   Level
	What    string // what is so
	Do      string // what to do about it, "" if nothing
}

// Examine looks at everything, in the order in which things are needed.
func Examine() []Finding {
	f := host.Probe()
	var list []Finding
	for _, look := range []func(*host.Facts) []Finding{kernel, rights, namespaces, ids, cgroups, security, files} {
		list = append(list, look(&f)...)
	}
	return list
}

// CanRun reports whether nothing was found that keeps every container from running.
func CanRun(list []Finding) bool {
	for i := range list {
		if list[i].Level == Bad {
			return false
		}
	}
	return true
}

// read returns a small file of the kernel's, without the newline at its end; "" if it can't be read.
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
