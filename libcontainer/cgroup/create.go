package cgroup

import (
	"errors"
	"path"
	"slices"
	"strconv"

	"rt/internal/diag"
	"rt/libcontainer/host"

	"github.com/opencontainers/cgroups"
	"golang.org/x/sys/unix"
)

// Create makes the cgroup; Limit is to follow. With the systemd driver it makes nothing: systemd makes a scope only around a process, so
// Attach does all of it.
//
// It refuses a cgroup that exists and holds processes, or is frozen: the first would share and then lose its limits with the container,
// the second would never start. One that exists and is unused is taken, and stays when the container goes: it is somebody else's
// (runtime.md#delete). On an error Create removes what it has made, the directories above the cgroup included.
func (g *Group) Create() (err error) {
	if g.driver == Systemd {
		for i := range g.places {
			if err := g.checkUnused(&g.places[i]); err != nil {
				return err
			}
		}
		return nil
	}
	defer func() {
		if err != nil {
			g.Undo()
		}
	}()
	if err := g.makeAll(); err != nil {
		return err
	}
	for i := range g.places {
		p := &g.places[i]
		if err := g.checkUnused(p); err != nil {
			return err
		}
		if g.mode == host.CgroupV2 {
			if err := g.enable(p); err != nil {
				return err
			}
		}
		if p.list == "cpuset" {
			if err := g.fillCpuset(p); err != nil {
				return err
			}
		}
	}
	return nil
}

// Limit applies the limits and the device rules, and gives the cgroup to the container's root where that is to own it. It is called
// before the container runs anything, and on v1 before any process is in the cgroup: its cpuset is what a process needs to enter.
//
// On v2 the boot process may be at work in it by then. The device rules take nothing from it that it would need: mknod of everything
// is among the defaults.
func (g *Group) Limit() error {
	if g.driver == Systemd {
		return nil
	}
	if err := g.apply(); err != nil {
		return err
	}
	return g.delegate()
}

// makeAll makes the directories. Of the hierarchies that rt has no rights in, a container that does not need them goes without.
func (g *Group) makeAll() error {
	kept := g.places[:0:0]
	var refused *diag.Error
	// The one that is claimed comes first: of two that are made at once, one makes nothing more.
	claimed := g.members()
	slices.SortStableFunc(g.places, func(a, b place) int { return boolCompare(b.dir == claimed, a.dir == claimed) })
	for i := range g.places {
		p := g.places[i]
		err := g.make(&p)
		switch {
		case err == nil:
			if len(kept) == 0 {
				if err := g.claim(p.dir); err != nil {
					return err
				}
			}
			kept = append(kept, p)
		case g.rootless && g.config.Path == "" && lacksRights(err):
			refused = placeError(p.dir, err)
		default:
			e := placeError(p.dir, err)
			if g.config.Path != "" {
				e.Field, e.Value = fieldPath, g.config.Path
			}
			return e
		}
	}
	g.places = kept
	if len(kept) == 0 && refused != nil {
		return g.withoutCgroup(refused)
	}
	if g.mode == host.CgroupV2 {
		return nil
	}
	for i := range g.limits.needs {
		if n := &g.limits.needs[i]; g.dir(n.controller) == "" {
			return missingV1(n, refused)
		}
	}
	return nil
}

// boolCompare orders false before true.
func boolCompare(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

// missingV1 says why the v1 controller that a limit needs can't be used.
func missingV1(n *need, refused *diag.Error) error {
	if refused != nil {
		refused.Field = n.field
		return refused
	}
	return &diag.Error{
		Kind: diag.Host, Field: n.field, Problem: `can't be set: no hierarchy of controller "` + n.controller + `" is mounted below ` + root,
		Hint: "mount -t cgroup -o " + n.controller + " none " + root + "/" + n.controller + ", if the kernel has it",
	}
}

// placeError is the error of a directory that can't be made.
func placeError(dir string, err error) *diag.Error {
	e := diag.Sys("the cgroup "+dir+" can't be made", "mkdir", err)
	switch {
	case errors.Is(err, unix.EACCES) && unix.Access(dir, unix.F_OK) == nil:
		e.Problem, e.Call = "the cgroup "+dir+" can't be used: it is there already, and belongs to another user", "faccessat"
		e.Hint = "choose another container id or linux.cgroupsPath"
	case errors.Is(err, unix.EACCES), errors.Is(err, unix.EPERM):
		e.Hint = "it is not delegated to this user: let systemd do it, with --systemd-cgroup or systemd-run --user --scope -p Delegate=yes"
	case errors.Is(err, unix.EROFS):
		e.Hint = "the cgroup file system is mounted read-only here, as containers have it; --cgroup-manager disabled does without a cgroup, and so without device rules"
	case errors.Is(err, unix.EAGAIN):
		e.Hint = "a cgroup above it limits the number of its descendants: see cgroup.max.descendants and cgroup.max.depth"
	}
	return e
}

// make makes the directory of p, and those above it that are missing.
func (g *Group) make(p *place) error {
	err := unix.Mkdir(p.dir, 0o755)
	if err == unix.ENOENT {
		if err := g.makeParent(p.base, path.Dir(p.dir)); err != nil {
			return err
		}
		err = unix.Mkdir(p.dir, 0o755)
	}
	switch err {
	case nil:
		p.fresh = true
		g.made = append(g.made, p.dir)
		return nil
	case unix.EEXIST:
		if g.rootless && !mayUse(p.dir) {
			return unix.EACCES // somebody else's, of the same name
		}
		p.kept = true
		return nil
	}
	return err
}

// makeParent makes dir and the missing ones above it, up to the hierarchy's root.
func (g *Group) makeParent(base, dir string) error {
	if len(dir) <= len(base) {
		return unix.ENOENT
	}
	err := unix.Mkdir(dir, 0o755)
	if err == unix.ENOENT {
		if err := g.makeParent(base, path.Dir(dir)); err != nil {
			return err
		}
		err = unix.Mkdir(dir, 0o755)
	}
	switch err {
	case nil:
		g.made = append(g.made, dir)
		return nil
	case unix.EEXIST:
		return nil
	}
	return err
}

// Undo removes what Create made, innermost first, the directories above the cgroup included. What someone else has begun to use meanwhile stays: rmdir
// refuses it.
func (g *Group) Undo() {
	g.Close()
	for _, v := range slices.Backward(g.made) {
		_ = unix.Rmdir(v)
	}
	g.made = nil
}

// checkUnused refuses a cgroup that was there before and is in use.
func (g *Group) checkUnused(p *place) error {
	if p.fresh {
		return nil
	}
	pids, err := processesAt(p.dir)
	if isGone(err) {
		return nil // not there yet, or already gone
	}
	if err != nil {
		return diag.Sys("the processes in the cgroup "+p.dir+" can't be listed", "read", err)
	}
	if len(pids) > 0 {
		return &diag.Error{
			Kind: diag.State, Field: fieldPath, Value: g.config.Path,
			Problem: "container's cgroup is not empty: " + strconv.Itoa(len(pids)) + " process(es) found in " + p.dir,
			Hint:    "another container may use the same path: give each its own",
		}
	}
	if frozen, err := frozenAt(p); err != nil || !frozen {
		return err
	}
	return &diag.Error{
		Kind: diag.State, Field: fieldPath, Value: g.config.Path,
		Problem: "container's cgroup unexpectedly frozen: " + p.dir,
		Hint:    "a container in it could not start: thaw it, or choose another path",
	}
}

// Settle sets what would have kept the container's process from being born: the limit of no task at all (config-linux.md#configLinuxPIDS), with which the
// process that is there stays, and nothing is forked. It is called before the container runs anything. The library, and systemd, take the limit for one task.
func (g *Group) Settle() error {
	if !g.limits.noTasks || !g.Available() {
		return nil
	}
	const file = "pids.max"
	dir := g.dir("pids")
	if err := writeFile(dir, file, "0"); err != nil {
		return g.fileError(dir, file, "0", err)
	}
	return nil
}

// Attach moves the process pid into the cgroup: on v1, in hybrid mode, and with the systemd driver, which makes the cgroup with it.
// On v2, cloning into Dir is far cheaper. The process must not have run anything of the container yet.
func (g *Group) Attach(pid int) error {
	if g.driver == Systemd {
		return g.startUnit(pid)
	}
	for i := range g.places {
		if err := cgroups.WriteCgroupProc(g.places[i].dir, pid); err != nil {
			return attachError(g.places[i].dir, pid, cause(err))
		}
	}
	return nil
}

// attachError explains why a process can't be moved into dir.
func attachError(dir string, pid int, err error) error {
	e := diag.Sys("process "+strconv.Itoa(pid)+" can't be moved into the cgroup "+dir, "write", err)
	switch e.Errno {
	case unix.ENOSPC:
		e.Hint = "its cpuset.cpus or cpuset.mems is empty"
	case unix.EACCES, unix.EPERM:
		e.Hint = "a user may move processes only within what was delegated to it: start rt inside it, as with systemd-run --user --scope"
	case unix.EBUSY:
		e.Hint = "a cgroup that gives controllers to its children can't hold processes itself"
	}
	return e
}
