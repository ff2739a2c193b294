package cgroup

import (
	"errors"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"rt/internal/diag"
	"rt/libcontainer/host"

	sd "github.com/coreos/go-systemd/v22/dbus"
	"github.com/godbus/dbus/v5"
	"github.com/opencontainers/cgroups"
	"github.com/opencontainers/cgroups/systemd"
)

// unit is the transient unit that systemd makes for a container.
type unit struct {
	name   string // "rt-web1.scope"
	slice  string // "system.slice"; "" for the default
	prefix string // "rt"
	base   string // what the library builds the name from: "web1", or "pods.slice"

	properties []sd.Property // from the annotations; only for starting it
	silent     bool          // systemd has not answered in time: nothing more is asked of it
}

// patience bounds every conversation with systemd. The library itself waits 30 s for a job, and for answers without end. Only tests change it.
var patience = 60 * time.Second

// unitOf reads linux.cgroupsPath as the systemd driver takes it: "slice:prefix:name". No path means a scope in the default slice.
// A name that ends in .slice is the unit itself.
func unitOf(cgroupsPath, id string) (*unit, error) {
	u := &unit{prefix: "rt", base: id}
	if cgroupsPath != "" {
		parts := strings.Split(cgroupsPath, ":")
		if len(parts) != 3 || parts[2] == "" {
			e := diag.At(fieldPath, `must be "slice:prefix:name" for the systemd cgroup driver, such as "system.slice:rt:web1"`)
			e.Value = cgroupsPath
			return nil, e
		}
		u.slice, u.prefix, u.base = parts[0], parts[1], parts[2]
	}
	for _, part := range []string{u.slice, u.prefix, u.base} {
		if strings.Contains(part, "/") {
			e := diag.At(fieldPath, "a unit's name must not contain a slash")
			e.Value = cgroupsPath
			return nil, e
		}
	}
	if u.slice != "" {
		if _, err := systemd.ExpandSlice(u.slice); err != nil {
			e := diag.At(fieldPath, `the first part must be a slice, such as "system.slice"`)
			e.Value = cgroupsPath
			return nil, e
		}
	}
	u.name = u.base
	if !strings.HasSuffix(u.base, ".slice") {
		u.name = u.prefix + "-" + u.base + ".scope"
	}
	return u, nil
}

// has reports whether the annotations have given a property.
func (u *unit) has(name string) bool {
	return slices.ContainsFunc(u.properties, func(p sd.Property) bool { return p.Name == name })
}

// loadUnit takes the name of a saved unit apart again.
func loadUnit(name, slice string) *unit {
	u := &unit{name: name, slice: slice, base: name}
	if scope, ok := strings.CutSuffix(name, ".scope"); ok {
		u.prefix, u.base, _ = strings.Cut(scope, "-")
	}
	return u
}

// findUnit fills in the places of a container whose cgroup systemd makes.
func (g *Group) findUnit() error {
	if !systemd.IsRunningSystemd() {
		return &diag.Error{
			Kind: diag.Host, Problem: "systemd is not running here, so it can't make the container's cgroup",
			Hint: "leave out --systemd-cgroup",
		}
	}
	var err error
	if g.unit, err = unitOf(g.config.Path, g.config.ID); err != nil {
		return err
	}
	if g.unit.properties, err = properties(g.config.Annotations); err != nil {
		return err
	}
	if _, ok := g.limits.resources.Unified["memory.oom.group"]; ok && g.unit.has("OOMPolicy") {
		return diag.At(`linux.resources.unified["memory.oom.group"]`, "is what the annotation "+propertyPrefix+"OOMPolicy sets too; keep one of the two")
	}
	m, err := g.systemd()
	if err != nil {
		return err
	}
	if g.mode == host.CgroupV2 {
		g.places = []place{{v2: true, base: root, dir: m.Path("")}}
		return nil
	}
	if err := g.findV1("/x"); err != nil {
		return err
	}
	for i := range g.places {
		p := &g.places[i]
		p.dir = path.Join(p.base, strings.TrimPrefix(m.Path(p.controllers()[0]), p.base))
	}
	return nil
}

// systemd is the library's manager that talks to systemd.
func (g *Group) systemd() (m cgroups.Manager, err error) {
	c := g.library()
	c.Systemd, c.Path = true, ""
	c.Parent, c.ScopePrefix, c.Name = g.unit.slice, g.unit.prefix, g.unit.base
	c.SystemdProps, c.OwnerUID = g.unit.properties, g.config.OwnerUID
	if g.mode == host.CgroupV2 {
		dir := ""
		if len(g.places) > 0 {
			dir = g.places[0].dir
		}
		err = g.bounded("found", func() (err error) { // without a directory and as a user, it asks systemd for its own
			m, err = systemd.NewUnifiedManager(c, dir)
			return err
		})
		return m, err
	}
	var paths map[string]string
	if len(g.places) > 0 {
		paths = g.paths()
	}
	err = g.bounded("found", func() (err error) {
		m, err = systemd.NewLegacyManager(c, paths)
		return err
	})
	return m, err
}

// bounded runs a conversation with systemd, and gives up on it after a while: a hanging D-Bus must not hang a container engine.
// The goroutine stays behind then; rt is about to exit with the error.
func (g *Group) bounded(verb string, talk func() error) error {
	if g.unit.silent {
		// Taking back what could not be done must not cost another minute.
		e := g.unitError(verb, nil)
		e.Problem += ": systemd has not answered before"
		return e
	}
	done := make(chan error, 1)
	go func() { done <- talk() }()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case err := <-done:
		if err != nil {
			return g.unitError(verb, err)
		}
		return nil
	case <-timer.C:
		g.unit.silent = true
		e := g.unitError(verb, nil)
		e.Problem += ": systemd did not answer within " + patience.String()
		e.Hint = "see whether `systemctl status` answers, and what systemctl list-jobs shows"
		return e
	}
}

// startUnit lets systemd make the unit around the process, and applies the limits. What fails after that ends with the unit removed.
func (g *Group) startUnit(pid int) error {
	m, err := g.systemd()
	if err != nil {
		return err
	}
	if err := g.bounded("started", func() error { return m.Apply(pid) }); err != nil {
		if answer, ok := errors.AsType[dbus.Error](err); ok && strings.HasSuffix(answer.Name, ".UnitExists") {
			g.places = nil // another container has made it meanwhile: nothing in it is to be ended with this one
		}
		return err
	}
	err = g.set(m)
	if err == nil {
		err = g.applyDevices()
	}
	if err == nil {
		err = g.rejoin(pid)
	}
	if err != nil {
		// The process is still the boot process; it is about to be killed anyway, and a scope can only be stopped with what is in it.
		_ = g.stopUnit()
	}
	return err
}

// rejoin puts the process back into the hierarchies of v1 that systemd has taken it out of when the limits were set: of one that is not to limit the unit as
// systemd sees it, it moves processes to the slice. A systemd in a container does so with devices, and no rule would hold.
func (g *Group) rejoin(pid int) error {
	if g.mode == host.CgroupV2 {
		return nil
	}
	text, err := readFile("/proc/"+strconv.Itoa(pid), "cgroup")
	if err != nil {
		return diag.Sys("the cgroups of the container's process can't be read", "open", err)
	}
	for i := range g.places {
		p := &g.places[i]
		if own, ok := ownPath(text, p.list); ok && p.base+own != p.dir {
			if err := cgroups.WriteCgroupProc(p.dir, pid); err != nil {
				return attachError(p.dir, pid, cause(err))
			}
		}
	}
	return nil
}

// setUnit changes the limits of a unit that exists.
func (g *Group) setUnit() error {
	m, err := g.systemd()
	if err != nil {
		return err
	}
	return g.set(m)
}

// set applies the limits, as properties of the unit where systemd has one, so that it does not undo them, and in the files. Then it reads them back.
//
// systemd answers before it writes the files of the unit, which it does before it answers again. So it is asked for nothing once more, and what it has
// overwritten by then is written a second time.
func (g *Group) set(m cgroups.Manager) error {
	var limit error
	err := g.bounded("limited", func() error {
		for range 2 {
			// A hook of the library for device rules, which may bring any property. On v2 the filter in ebpf.go is the container's, not systemd's:
			// with DevicePolicy=auto systemd leaves devices alone, and a daemon-reload can't take away what a hook has added to it.
			systemd.GenerateDeviceProps = func(*cgroups.Resources, int) ([]sd.Property, error) { return g.withoutLibrary(), nil }
			err := m.Set(g.library().Resources)
			if fileOf(err) != "" {
				limit = g.limitError(err)
				return nil
			}
			if err != nil {
				return err
			}
			if limit = g.weighDevices(); limit != nil {
				return nil
			}
			systemd.GenerateDeviceProps = nil
			if err := m.Set(&cgroups.Resources{SkipDevices: true, SkipFreezeOnSet: true}); err != nil {
				return err
			}
			if limit = g.readBack(); limit == nil {
				return nil
			}
		}
		return nil
	})
	if err == nil {
		return limit
	}
	return err
}

// stopUnit lets systemd remove the unit.
func (g *Group) stopUnit() error {
	m, err := g.systemd()
	if err != nil {
		return err
	}
	return g.bounded("stopped", m.Destroy)
}

// unitError is the error of a unit. Of what the library says, systemd's own answer is enough: the rest is a dump of the request.
func (g *Group) unitError(verb string, err error) *diag.Error {
	e := &diag.Error{Kind: diag.Host, Problem: "the systemd unit " + g.unit.name + " can't be " + verb, Err: err}
	if answer, ok := errors.AsType[dbus.Error](err); ok {
		e.Err = answer
	}
	if err == nil {
		return e
	}
	text := e.Err.Error()
	for key := range g.config.Annotations {
		if name, ok := strings.CutPrefix(key, propertyPrefix); ok && strings.Contains(text, strings.TrimSuffix(name, "Sec")) {
			e.Field = `annotations["` + key + `"]`
			return e
		}
	}
	if strings.Contains(text, "Unexpected message contents") && len(g.unit.properties) > 0 {
		// A value of another type than the property has; systemd does not say which. Those of rt itself are right.
		e.Field = "annotations"
		for key := range g.config.Annotations {
			if strings.HasPrefix(key, propertyPrefix) && len(g.unit.properties) == 1 {
				e.Field = `annotations["` + key + `"]`
			}
		}
		e.Hint = "a property has another type: systemctl show, and org.freedesktop.systemd1(5), tell them"
		return e
	}
	if e.Field = unifiedField(text); e.Field != "" {
		return e
	}
	switch {
	case strings.Contains(text, "DBUS_SESSION_BUS_ADDRESS"), strings.Contains(text, "failed to connect to dbus"):
		e.Hint = "a user's systemd is found through DBUS_SESSION_BUS_ADDRESS or XDG_RUNTIME_DIR, which a login session sets: loginctl enable-linger keeps one"
	case strings.Contains(text, "UnitExists"), strings.Contains(text, "already loaded"):
		e.Hint = "another container may use the same name: give each its own in linux.cgroupsPath"
	}
	if g.config.Path != "" {
		e.Field, e.Value = fieldPath, g.config.Path
	}
	return e
}
