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

// lifecycle makes the cgroup, moves processes into it, and removes it.
type lifecycle struct {
	*cgroupSet
	made  []string // directories made by Create, outermost first
	joins []Join   // open files of v1 hierarchies
}

// Create makes the cgroup; Limit follows. With the systemd driver it makes nothing: systemd makes a scope only around a
// process, so Attach does it.
//
// It refuses an existing cgroup that holds processes or is frozen: those processes would share the container's limits,
// and in a frozen one the container would never start. An existing cgroup that is unused is taken, and is not removed
// with the container (runtime.md#delete). On an error Create removes what it has made, parents included.
func (g *lifecycle) Create() (err error) {
	if g.driver == Systemd {
		if len(g.hierarchies) > 0 {
			if err := g.claim(&g.hierarchies[0]); err != nil {
				return err
			}
		}
		for i := range g.hierarchies {
			if err := g.checkUnused(&g.hierarchies[i]); err != nil {
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
	for i := range g.hierarchies {
		h := &g.hierarchies[i]
		if err := g.checkUnused(h); err != nil {
			return err
		}
		if g.mode == host.CgroupV2 {
			if err := (controllerSetup{g.cgroupSet}).enable(h); err != nil {
				return err
			}
		}
		if h.list == "cpuset" {
			if err := (controllerSetup{g.cgroupSet}).fillCpuset(h); err != nil {
				return err
			}
		}
	}
	ownership{g.cgroupSet}.take()
	return nil
}

// Limit applies the limits and the device rules, and delegates the cgroup to the container's root if the config asks
// for it. It is called before the container runs anything, and on v1 before any process is in the cgroup: a cpuset
// without CPUs takes no process.
//
// On v2 the boot process may already run in it. The device rules don't hinder it: mknod of every device is among the
// defaults.
func (g *lifecycle) Limit() error {
	if g.driver == Systemd {
		return nil
	}
	if err := (limitFiles{g.cgroupSet}).write(); err != nil {
		return err
	}
	return g.delegate()
}

// makeAll makes the directories. Hierarchies that are read-only, or in rootless mode that rt has no rights in, are left
// out if no limit needs them.
func (g *lifecycle) makeAll() error {
	refused, err := g.makeLocked()
	if err != nil {
		return err
	}
	if len(g.hierarchies) == 0 {
		if refused != nil {
			return g.withoutCgroup(refused)
		}
		return nil
	}
	usable := g.hierarchies[:1:1]
	for _, h := range g.hierarchies[1:] {
		if err := g.makeIn(&h); err == nil {
			usable = append(usable, h)
		} else if refused, err = g.refusal(&h, err); err != nil {
			return err
		}
	}
	g.hierarchies = usable
	if g.mode == host.CgroupV2 {
		return nil
	}
	for _, n := range g.limits.needs { // the list before the loop: dropLifts makes another
		if g.dir(n.controller) == "" && !g.limits.dropLifts(n.controller) {
			return missingV1(&n, refused)
		}
	}
	return nil
}

// makeLocked makes the first directory, and locks it: of two simultaneous creates, one stops there. A hierarchy that
// can't be used is dropped before the one to lock is chosen, and the last such reason is returned.
func (g *lifecycle) makeLocked() (refused *diag.Error, err error) {
	for ; len(g.hierarchies) > 0; g.hierarchies = g.hierarchies[1:] {
		g.orderLocked(lockedFirst)
		h := &g.hierarchies[0]
		if err = g.makeIn(h); err == nil {
			return refused, g.claim(h)
		}
		if refused, err = g.refusal(h, err); err != nil {
			return nil, err
		}
	}
	return refused, nil
}

// refusal returns the reason why the directory of h can't be made: as the second value if the container can't do
// without it.
func (g *lifecycle) refusal(h *hierarchy, err error) (optional *diag.Error, required error) {
	e := mkdirError(h.dir, err)
	if g.isOptional() && (g.rootless && isDenied(err) || errors.Is(err, unix.EROFS)) {
		return e, nil
	}
	if g.config.Path != "" {
		e.Field, e.Value = fieldPath, g.config.Path
	}
	return nil, e
}

// missingV1 returns the reason why the v1 controller that a limit needs can't be used.
func missingV1(n *need, refused *diag.Error) error {
	if refused != nil {
		refused.Field = n.field
		return refused
	}
	return &diag.Error{
		Kind: diag.Host, Field: n.field, Problem: `can't be set: no hierarchy of controller "` + n.controller +
			`" is mounted below ` + root,
		Hint: "mount -t cgroup -o " + n.controller + " none " + root + "/" + n.controller + ", if the kernel has it",
	}
}

// mkdirError returns the error of a directory that can't be made.
func mkdirError(dir string, err error) *diag.Error {
	e := diag.Sys("the cgroup "+dir+" can't be made", "mkdir", err)
	switch {
	case errors.Is(err, unix.EACCES) && unix.Access(dir, unix.F_OK) == nil:
		e.Problem, e.Call = "the cgroup "+dir+" can't be used: it exists already, and belongs to another "+
			"user", "faccessat"
		e.Hint = "choose another container ID or linux.cgroupsPath"
	case errors.Is(err, unix.EACCES), errors.Is(err, unix.EPERM):
		e.Hint = "it is not delegated to this user: let systemd do it, with --systemd-cgroup or systemd-run --user " +
			"--scope -p Delegate=yes"
	case errors.Is(err, unix.EROFS):
		e.Hint = "the cgroup file system is mounted read-only here, as in a container; --cgroup-manager disabled " +
			"makes no cgroup, and enforces no device rules"
	case errors.Is(err, unix.EAGAIN):
		e.Hint = "a cgroup above it limits the number of its descendants: see cgroup.max.descendants and " +
			"cgroup.max.depth"
	}
	return e
}

// makeIn makes the directory of h and its missing parents.
func (g *lifecycle) makeIn(h *hierarchy) error {
	err := unix.Mkdir(h.dir, 0o755)
	if err == unix.ENOENT {
		if err := g.makeParent(h.base, path.Dir(h.dir)); err != nil {
			return err
		}
		err = unix.Mkdir(h.dir, 0o755)
	}
	switch err {
	case nil:
		h.fresh = true
		g.made = append(g.made, h.dir)
		return nil
	case unix.EEXIST:
		if g.rootless && !canUse(h.dir) {
			return unix.EACCES // another user's cgroup of the same name
		}
		h.preexisting = true
		return nil
	}
	return err
}

// makeParent makes dir and its missing parents, up to the hierarchy's root.
func (g *lifecycle) makeParent(base, dir string) error {
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

// Undo removes what Create made, innermost first, parents included. A directory that is in use by now stays: rmdir(2)
// refuses it.
func (g *lifecycle) Undo() {
	defer g.unlock()
	g.closeFiles()
	if len(g.made) > 0 {
		ownership{g.cgroupSet}.removeName()
	}
	for _, v := range slices.Backward(g.made) {
		_ = unix.Rmdir(v)
	}
	g.made = nil
}

// checkUnused refuses an existing cgroup that is in use.
func (g *lifecycle) checkUnused(h *hierarchy) error {
	if h.fresh {
		return nil
	}
	if err := g.checkEmpty(h.dir); err != nil {
		return err
	}
	if frozen, err := frozenAt(h.list, h.dir); err != nil || !frozen {
		return err
	}
	return &diag.Error{
		Kind: diag.State, Field: fieldPath, Value: g.config.Path,
		Problem: "container's cgroup unexpectedly frozen: " + h.dir,
		Hint:    "a container in it could not start: thaw it, or choose another path",
	}
}

// checkEmpty refuses a cgroup that has processes. One that does not exist has none.
func (g *lifecycle) checkEmpty(dir string) error {
	pids, err := processesAt(dir)
	if isGone(err) || err == nil && len(pids) == 0 {
		return nil
	}
	if err != nil {
		return diag.Sys("the processes in the cgroup "+dir+" can't be listed", "read", err)
	}
	return &diag.Error{
		Kind: diag.State, Field: fieldPath, Value: g.config.Path,
		Problem: "container's cgroup is not empty: " + strconv.Itoa(len(pids)) + " process(es) found in " + dir,
		Hint:    "another container may use the same path: give each its own",
	}
}

// ForbidForks writes a pids.limit of 0 (config-linux.md#configLinuxPIDS): the existing process stays, and can't fork.
// Written earlier, it would have prevented the clone of that process. It is called before the container runs anything.
// The library and systemd write a limit of 1 instead.
func (g *lifecycle) ForbidForks() error {
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

// Attach moves the process pid into the cgroup: on v1, in hybrid mode, and with the systemd driver, which makes the
// cgroup with it. On v2, CLONE_INTO_CGROUP with Dir is far cheaper. The process must not have run anything of the
// container yet.
func (g *lifecycle) Attach(pid int) error {
	if g.driver == Systemd {
		return systemdUnit{g.cgroupSet}.start(pid)
	}
	for i := range g.hierarchies {
		if err := cgroups.WriteCgroupProc(g.hierarchies[i].dir, pid); err != nil {
			return attachError(g.hierarchies[i].dir, pid, cause(err))
		}
	}
	return nil
}

// attachError returns the reason why a process can't be moved into dir.
func attachError(dir string, pid int, err error) error {
	e := diag.Sys("process "+strconv.Itoa(pid)+" can't be moved into the cgroup "+dir, "write", err)
	switch e.Errno {
	case unix.ENOSPC:
		e.Hint = "its cpuset.cpus or cpuset.mems is empty"
	case unix.EACCES, unix.EPERM:
		e.Hint = "a user may move processes only within the cgroups delegated to it: start rt inside them, as with " +
			"systemd-run --user --scope"
	case unix.EBUSY:
		e.Hint = "a cgroup that enables controllers for its children can't hold processes itself"
	}
	return e
}
