package cgroup

import (
	"strconv"
	"strings"

	"rt/internal/diag"
	"rt/internal/sys"
	"rt/libcontainer/host"

	"golang.org/x/sys/unix"
)

// deviceRules enforce linux.resources.devices: by a list of the v1 controller, or by an eBPF program on v2.
type deviceRules struct{ *cgroupSet }

// apply enforces the device rules. In rootless mode it can't, and need not: no device can be made then either.
func (g deviceRules) apply() error {
	var err error
	if g.mode == host.CgroupV2 {
		err = g.applyV2()
	} else {
		err = g.applyV1()
	}
	if err != nil && g.rootless && isDenied(err) {
		return nil
	}
	return err
}

// applyV1 writes the rules to devices.deny and devices.allow of v1 (cgroup-v1/devices.rst). A new cgroup inherits
// its parent's list; the default comes first and clears it.
func (g deviceRules) applyV1() error {
	rules := g.limits.devices
	dir := g.dir("devices")
	switch {
	case dir == "" && (g.rootless || allowsAll(rules)):
		return nil
	case dir == "":
		return &diag.Error{
			Kind: diag.Host, Field: "linux.resources.devices",
			Problem: "the rules can't be enforced: no hierarchy of controller \"devices\" is mounted below " + root,
		}
	case allowsAll(rules) && g.isNew(dir):
		return nil
	}
	if i, j, ok := inexpressible(rules); ok {
		return &diag.Error{
			Kind: diag.Host, Field: "linux.resources.devices",
			Problem: "rule " + strconv.Quote(rules[j].String()) + " overrides a part of " +
				strconv.Quote(rules[i].String()) + ", which cgroup v1 can't express",
			Hint: "give the remaining accesses as rules of their own",
		}
	}
	return writeRules(dir, rules)
}

// writeRules writes the rules, each to one of two files that are opened once.
func writeRules(dir string, rules []rule) error {
	files := [2]string{"devices.deny", "devices.allow"}
	fds := [2]int{-1, -1}
	defer func() { sys.CloseAll(fds[:]...) }()
	for _, r := range rules {
		which := 0
		if r.allow {
			which = 1
		}
		var err error
		if fds[which] < 0 {
			fds[which], err = unix.Open(dir+"/"+files[which], unix.O_WRONLY|unix.O_CLOEXEC, 0)
		}
		if err == nil {
			_, err = unix.Write(fds[which], []byte(r.String()))
		}
		if err != nil {
			e := diag.Sys(dir+"/"+files[which]+" can't be written", "write", err).
				At("linux.resources.devices", r.String())
			switch e.Errno {
			case unix.EPERM:
				e.Hint = "the parent cgroup has no access to the device"
			case unix.EINVAL:
				e.Hint = "this cgroup has children, so v1 accepts no rule for all devices"
			}
			return e
		}
	}
	return nil
}

// isNew reports whether Create made dir.
func (g *cgroupSet) isNew(dir string) bool {
	for i := range g.hierarchies {
		if g.hierarchies[i].dir == dir {
			return g.hierarchies[i].fresh
		}
	}
	return false
}

// inexpressible finds an exception i to the default and a later rule j that overrides a part of it. v1 has a default
// and a set of exceptions, and removes an exception only as a whole: a rule against a part of one would be accepted and
// do nothing.
func inexpressible(rules []rule) (i, j int, found bool) {
	def := rules[0].allow
	for j, r := range rules {
		if r.allow != def || r.kind == 'a' {
			continue
		}
		for i, x := range rules[:j] {
			if x.allow != def && x.overlaps(r) && (x.kind != r.kind || x.major != r.major || x.minor != r.minor) {
				return i, j, true
			}
		}
	}
	return 0, 0, false
}

// overlaps reports whether both rules match some access to some device.
func (r rule) overlaps(x rule) bool {
	same := func(a, b int64) bool { return a == b || a == anyNumber || b == anyNumber }
	return r.kind == x.kind && r.access&x.access != 0 && same(r.major, x.major) && same(r.minor, x.minor)
}

// deviceListMatches reports whether devices.list equals the rules, if their default is deny. The kernel refuses to
// clear the list of a cgroup with children, such as those of an init system, so rules that are in force already must
// not be rewritten.
func deviceListMatches(dir string, rules []rule) bool {
	if dir == "" || rules[0].allow {
		return false
	}
	type device struct {
		kind         byte
		major, minor int64
	}
	want := map[device]access{}
	for _, r := range rules[1:] {
		d := device{r.kind, r.major, r.minor}
		if r.allow {
			want[d] |= r.access
		} else {
			want[d] &^= r.access
		}
		if want[d] == 0 {
			delete(want, d)
		}
	}
	text, err := readFile(dir, "devices.list")
	if err != nil || strings.Count(text, "\n") != len(want) {
		return false
	}
	for d, a := range want {
		if !strings.Contains("\n"+text, "\n"+rule{true, d.kind, d.major, d.minor, a}.String()+"\n") {
			return false
		}
	}
	return true
}
