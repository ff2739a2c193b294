package cgroup

import (
	"strings"

	"rt/libcontainer/host"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// auditor compares the limits in force with those of the config.
type auditor struct{ *cgroupSet }

// Limit is a limit of the config, and what its file in cgroupfs has now.
type Limit struct {
	Field  string // "linux.resources.memory.limit"
	File   string // "memory.max"
	Wanted string // what rt writes for the field
	Now    string // the content of the file, on one line; "" if it can't be read
	Holds  bool
}

// Limits reads the limits of the cgroup as the kernel has them, for each that r gives and that can be compared.
// keepZero says that a pids.limit of 0 is a limit.
func (g auditor) Limits(r *specs.LinuxResources, keepZero bool) ([]Limit, error) {
	if !g.Available() {
		return nil, nil
	}
	if !keepZero {
		r = withoutZeroPids(r)
	}
	var err error
	if g.limits, err = convert(r, g.mode); err != nil {
		return nil, err
	}
	var list []Limit
	for i := range g.limits.needs {
		n := &g.limits.needs[i]
		dir, file := g.dir(n.controller), g.fileOnHost(n)
		wanted := limitFiles{g.cgroupSet}.wantedLines(file)
		if len(wanted) == 0 || dir == "" {
			continue
		}
		l := Limit{Field: n.field, File: file, Wanted: strings.Join(wanted, "; ")}
		if text, err := readFile(dir, file); err == nil {
			l.Now = strings.Join(strings.Split(strings.TrimSpace(text), "\n"), "; ")
			l.Holds = true
			for _, w := range wanted {
				l.Holds = l.Holds && limitFiles{g.cgroupSet}.matchesLine(file, text, w)
			}
		} else if n.lifts {
			continue // no controller, no limit
		}
		list = append(list, l)
	}
	return list, nil
}

// DeviceRules reports whether the device rules of r, which Limits has been given, hold: on cgroup v1 by devices.list,
// on v2 only whether a filter is attached. known is false where that can't be told.
func (g auditor) DeviceRules() (now string, hold, known bool) {
	if !g.Available() || g.limits == nil || g.rootless || allowsAll(g.limits.devices) {
		return "", false, false
	}
	if g.mode == host.CgroupV2 {
		dir, err := g.attachPoint()
		if err != nil {
			return "", false, false
		}
		ids, err := filtersAt(dir)
		if err != nil {
			return "", false, false
		}
		if len(ids) == 0 {
			return "no device filter", false, true
		}
		return "a device filter", true, true
	}
	dir := g.dir("devices")
	text, err := readFile(dir, "devices.list")
	if dir == "" || err != nil || g.limits.devices[0].allow {
		return "", false, false
	}
	now = strings.Join(strings.Split(strings.TrimSpace(text), "\n"), "; ")
	return now, deviceListMatches(dir, g.limits.devices), true
}
