package spec

import (
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// checkIntelRdt checks linux.intelRdt (config-linux.md, IntelRdt). A class is a directory of the resctrl file system;
// "/" is its root.
func (c linuxChecker) checkIntelRdt(r *specs.LinuxIntelRdt) {
	at := locationOf("linux.intelRdt")
	if r == nil {
		return
	}
	if id := r.ClosID; id == "." || id == ".." || id != "/" && strings.Contains(id, "/") {
		c.refuse(at.Dot("closID"), id, `must be the name of one directory, or "/"`)
	}
	line := func(at location, s, prefix string) {
		switch {
		case strings.Contains(s, "\n"):
			c.refuse(at, s, "must be one line")
		case s != "" && !strings.HasPrefix(s, prefix):
			c.refuse(at, s, "must start with "+prefix)
		}
	}
	line(at.Dot("l3CacheSchema"), r.L3CacheSchema, "")
	line(at.Dot("memBwSchema"), r.MemBwSchema, "MB:")
	for i, s := range r.Schemata {
		line(at.DotAt("schemata", i), s, "")
	}
}
