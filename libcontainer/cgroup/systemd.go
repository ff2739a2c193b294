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

// systemdUnit is the container's unit, as rt asks systemd for it.
type systemdUnit struct{ *cgroupSet }

// unit is the transient unit that systemd makes for a container.
type unit struct {
	name   string // "rt-web1.scope"
	slice  string // "system.slice"; "" for the default
	prefix string // "rt"
	base   string // what the library builds the name from: "web1", or "pods.slice"

	properties   []sd.Property // from the annotations; only for starting it
	unresponsive bool          // systemd has not answered in time: no further request is sent
}

// systemdTimeout limits every request to systemd. The library waits 30 s for a job, and for a reply without limit. Only
// tests change it.
var systemdTimeout = 60 * time.Second

// parseUnit parses linux.cgroupsPath in the form of the systemd driver: "slice:prefix:name". No path means a scope in
// the default slice. A name that ends in .slice is the unit itself.
func parseUnit(cgroupsPath, id string) (*unit, error) {
	u := &unit{prefix: "rt", base: id}
	if cgroupsPath != "" {
		parts := strings.Split(cgroupsPath, ":")
		if len(parts) != 3 || parts[2] == "" {
			return nil, pathError(cgroupsPath,
				`must be "slice:prefix:name" for the systemd cgroup driver, such as "system.slice:rt:web1"`)
		}
		u.slice, u.prefix, u.base = parts[0], parts[1], parts[2]
	}
	for _, part := range []string{u.slice, u.prefix, u.base} {
		if strings.Contains(part, "/") {
			return nil, pathError(cgroupsPath, "a unit's name must not contain a slash")
		}
	}
	if u.slice != "" {
		if _, err := systemd.ExpandSlice(u.slice); err != nil {
			return nil, pathError(cgroupsPath, `the first part must be a slice, such as "system.slice"`)
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

// loadUnit parses the name of a saved unit.
func loadUnit(name, slice string) *unit {
	u := &unit{name: name, slice: slice, base: name}
	if scope, ok := strings.CutSuffix(name, ".scope"); ok {
		u.prefix, u.base, _ = strings.Cut(scope, "-")
	}
	return u
}

// find fills in the hierarchies of a container whose cgroup systemd makes.
func (g systemdUnit) find() error {
	if g.rootless && (g.mode == host.CgroupV1 || g.mode == host.CgroupHybrid) {
		return &diag.Error{
			Kind: diag.Host, Field: "--systemd-cgroup",
			Problem: "can't be used without root on cgroup v1: the systemd of a user has no controllers there",
			Hint: "leave the option out, and the container has no limits; or boot with " +
				"systemd.unified_cgroup_hierarchy=1, for cgroup v2",
		}
	}
	if !systemd.IsRunningSystemd() {
		return &diag.Error{
			Kind: diag.Host, Problem: "systemd is not running here, so it can't make the container's cgroup",
			Hint: "leave out --systemd-cgroup",
		}
	}
	var err error
	if g.unit, err = parseUnit(g.config.Path, g.config.ID); err != nil {
		return err
	}
	if g.unit.properties, err = parseProperties(g.config.Annotations); err != nil {
		return err
	}
	if _, ok := g.limits.resources.Unified["memory.oom.group"]; ok && g.unit.has("OOMPolicy") {
		return diag.At(
			`linux.resources.unified["memory.oom.group"]`,
			"is what the annotation "+propertyPrefix+"OOMPolicy sets too; remove one of the two",
		)
	}
	m, err := g.manager()
	if err != nil {
		return err
	}
	if g.mode == host.CgroupV2 {
		g.hierarchies = []hierarchy{{v2: true, base: root, dir: m.Path("")}}
		return nil
	}
	if err := (finder{g.cgroupSet}).findV1("/x"); err != nil {
		return err
	}
	for i := range g.hierarchies {
		h := &g.hierarchies[i]
		h.dir = path.Join(h.base, strings.TrimPrefix(m.Path(h.controllers()[0]), h.base))
	}
	return nil
}

// manager returns the library's manager that talks to systemd.
func (g systemdUnit) manager() (m cgroups.Manager, err error) {
	c := g.libraryConfig()
	c.Systemd, c.Path = true, ""
	c.Parent, c.ScopePrefix, c.Name = g.unit.slice, g.unit.prefix, g.unit.base
	c.SystemdProps, c.OwnerUID = g.unit.properties, g.config.OwnerUID
	if g.mode == host.CgroupV2 {
		dir := ""
		if len(g.hierarchies) > 0 {
			dir = g.hierarchies[0].dir
		}
		// Without a directory and as a user, it asks systemd for its own.
		err = g.withTimeout("found", func() (err error) {
			m, err = systemd.NewUnifiedManager(c, dir)
			return err
		})
		return m, err
	}
	var paths map[string]string
	if len(g.hierarchies) > 0 {
		paths = g.paths()
	}
	err = g.withTimeout("found", func() (err error) {
		m, err = systemd.NewLegacyManager(c, paths)
		return err
	})
	return m, err
}

// withTimeout makes a request to systemd and gives up after systemdTimeout: a hanging D-Bus must not hang a container
// engine. The goroutine stays behind then; rt is about to exit with the error.
func (g systemdUnit) withTimeout(verb string, talk func() error) error {
	if g.unit.unresponsive {
		// Undoing a failed request must not cost another minute.
		e := g.requestError(verb, nil)
		e.Problem += ": systemd has not answered before"
		return e
	}
	done := make(chan error, 1)
	go func() { done <- talk() }()
	timer := time.NewTimer(systemdTimeout)
	defer timer.Stop()
	select {
	case err := <-done:
		if err != nil {
			return g.requestError(verb, err)
		}
		return nil
	case <-timer.C:
		g.unit.unresponsive = true
		e := g.requestError(verb, nil)
		e.Problem += ": systemd did not answer within " + systemdTimeout.String()
		e.Hint = "see whether `systemctl status` answers, and what systemctl list-jobs shows"
		return e
	}
}

// start has systemd make the unit around the process, and applies the limits. After a failure the unit is removed.
func (g systemdUnit) start(pid int) error {
	m, err := g.manager()
	if err != nil {
		return err
	}
	var limit error
	err = g.withTimeout("started", func() error {
		err := m.Apply(pid)
		if g.isOfLimit(err) {
			limit = g.limitError(err)
			return nil
		}
		return err
	})
	if err != nil {
		if answer, ok := errors.AsType[dbus.Error](err); ok && strings.HasSuffix(answer.Name, ".UnitExists") {
			g.hierarchies = nil // another container has made it meanwhile: don't remove its unit
		}
		return err
	}
	if err = limit; err == nil {
		ownership{g.cgroupSet}.take()
		err = g.setLimits(m)
	}
	if err == nil {
		err = deviceRules{g.cgroupSet}.apply()
	}
	if err == nil {
		err = g.rejoin(pid)
	}
	if err != nil {
		// The process is still the boot process, which is killed on an error anyway; a scope is stopped with the
		// processes in it.
		_ = g.stop()
	}
	return err
}

// isOfLimit reports whether an error of the library is about a file that a limit is written to. When the library moves
// the process into the hierarchies of v1, it writes the limits of cpuset: one without CPUs takes no process.
func (g systemdUnit) isOfLimit(err error) bool {
	file := fileOf(err)
	return file != "" && g.limits.field(path.Base(file)) != unknownLimit
}

// rejoin moves the process back into the v1 hierarchies that systemd has moved it out of when the limits were set: if a
// unit has no property for a controller, systemd moves its processes to the slice. A systemd in a container does so
// with devices, and no rule would hold.
func (g systemdUnit) rejoin(pid int) error {
	if g.mode == host.CgroupV2 {
		return nil
	}
	text, err := readFile("/proc/"+strconv.Itoa(pid), "cgroup")
	if err != nil {
		return diag.Sys("the cgroups of the container's process can't be read", "open", err)
	}
	for i := range g.hierarchies {
		h := &g.hierarchies[i]
		if own, ok := ownPath(text, h.list); ok && h.base+own != h.dir {
			if err := cgroups.WriteCgroupProc(h.dir, pid); err != nil {
				return attachError(h.dir, pid, cause(err))
			}
		}
	}
	return nil
}

// update changes the limits of an existing unit.
func (g systemdUnit) update() error {
	m, err := g.manager()
	if err != nil {
		return err
	}
	return g.setLimits(m)
}

// setLimits applies the limits, as properties of the unit where systemd has one, so that systemd keeps them, and in the
// files. Then it reads them back.
//
// systemd replies before it writes the files of the unit, and writes them before its next reply. So an empty request
// follows, and what systemd has overwritten by then is written a second time.
func (g systemdUnit) setLimits(m cgroups.Manager) error {
	var limit error
	err := g.withTimeout("limited", func() error {
		for range 2 {
			// A hook of the library for device rules, which may return any property. On v2 the filter in ebpf.go
			// enforces the rules, not systemd: with DevicePolicy=auto systemd leaves devices alone, and a daemon-reload
			// can't remove the filter.
			systemd.GenerateDeviceProps = func(*cgroups.Resources, int) ([]sd.Property,
				error,
			) {
				return g.extraProperties(), nil
			}
			if limit = (limitFiles{g.cgroupSet}).checkBurst(); limit != nil {
				return nil
			}
			err := m.Set(g.libraryConfig().Resources)
			if fileOf(err) != "" {
				limit = g.limitError(err)
				return nil
			}
			if err != nil {
				return err
			}
			if limit = (limitFiles{g.cgroupSet}).writeDeviceWeights(); limit != nil {
				return nil
			}
			systemd.GenerateDeviceProps = nil
			if err := m.Set(&cgroups.Resources{SkipDevices: true, SkipFreezeOnSet: true}); err != nil {
				return err
			}
			if limit = (limitFiles{g.cgroupSet}).readBack(); limit == nil {
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

// stop has systemd remove the unit.
func (g systemdUnit) stop() error {
	m, err := g.manager()
	if err != nil {
		return err
	}
	return g.withTimeout("stopped", m.Destroy)
}

// requestError returns the error of a request about the unit. Of the library's text only systemd's own reply is used:
// the rest is a dump of the request.
func (g systemdUnit) requestError(verb string, err error) *diag.Error {
	e := &diag.Error{Kind: diag.Host, Problem: "the systemd unit " + g.unit.name + " can't be " + verb, Err: err}
	if answer, ok := errors.AsType[dbus.Error](err); ok {
		e.Err = answer
	}
	if err == nil {
		return e
	}
	text := e.Err.Error()
	for key := range g.config.Annotations {
		if name, ok := strings.CutPrefix(key, propertyPrefix); ok &&
			strings.Contains(text, strings.TrimSuffix(name, "Sec")) {
			e.Field = `annotations["` + key + `"]`
			return e
		}
	}
	if strings.Contains(text, "Unexpected message contents") && len(g.unit.properties) > 0 {
		// A value has the wrong type; systemd does not say which one. rt's own properties are right.
		e.Field = "annotations"
		for key := range g.config.Annotations {
			if strings.HasPrefix(key, propertyPrefix) && len(g.unit.properties) == 1 {
				e.Field = `annotations["` + key + `"]`
			}
		}
		e.Hint = "a property has another type: see systemctl show and org.freedesktop.systemd1(5)"
		return e
	}
	if e.Field = unifiedField(text); e.Field != "" {
		return e
	}
	switch {
	case strings.Contains(text, "DBUS_SESSION_BUS_ADDRESS"), strings.Contains(text, "failed to connect to dbus"):
		e.Hint = "a user's systemd is found through DBUS_SESSION_BUS_ADDRESS or XDG_RUNTIME_DIR, which a login " +
			"session sets: loginctl enable-linger keeps one"
	case strings.Contains(text, "UnitExists"), strings.Contains(text, "already loaded"):
		e.Hint = "another container may use the same name: give each its own in linux.cgroupsPath"
	}
	if g.config.Path != "" {
		e.Field, e.Value = fieldPath, g.config.Path
	}
	return e
}
