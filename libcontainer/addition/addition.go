// Package addition adds mounts and devices to a container that runs, and removes them: `rt mount`, `rt umount`, `rt
// device`.
//
// A boot process does it, as for a new container: it joins the container's user and mount namespace, finds the mount
// point below the container's root and attaches what rt has cloned. It runs no program of the container, is in none of
// the container's other namespaces and cgroups, and ends. rt records the mount in state.json before it is attached, by
// the ID that the kernel gives it, so that only what was added here is removed here.
package addition

import (
	"errors"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/internal/sys"
	"rt/libcontainer/descriptor"
	"rt/libcontainer/failure"
	"rt/libcontainer/foreground"
	"rt/libcontainer/host"
	"rt/libcontainer/plan"
	"rt/libcontainer/process"
	"rt/libcontainer/rootfs"
	"rt/libcontainer/state"
	"rt/libcontainer/stdio"
	"rt/libcontainer/supervise"
	"rt/nsenter"
	"rt/spec"
)

// Container is a container that runs.
type Container struct {
	Dir   *state.Container // locked, unless nothing is changed
	State *state.State
	Pidfd int        // of its process
	Spec  *spec.Spec // its config, as create has saved it

	// Interrupted is that of the session. Edit changes a plan before it is executed, for tests. Each may be nil.
	Interrupted func() error
	Edit        func(*plan.Plan)
	Debug       func(line string)
}

// work is one plan for a container, and its execution.
type work struct {
	*Container
	spec    *spec.Spec // what the plan is compiled of
	facts   host.Facts
	options plan.AddOptions
	plan    *plan.Plan
	session *supervise.Session

	// device is the rule of the device that is added, as devices.allow has it, and allow adds it to the cgroup. Both
	// are zero without one.
	device string
	allow  func() error
}

func (c *Container) newWork(s *spec.Spec) (*work, error) {
	w := &work{Container: c, spec: s, facts: host.Probe()}
	w.options.IgnoredSignals, w.options.BlockedSignals = foreground.Inherited()
	namespaces, err := process.OtherNamespaces(c.State.Pid, c.Spec.Namespaces.New)
	if err != nil {
		return nil, err
	}
	w.options.Namespaces = namespaces & (unix.CLONE_NEWUSER | unix.CLONE_NEWNS)
	switch {
	case namespaces&unix.CLONE_NEWNS == 0:
		return nil, errShared()
	case !w.facts.Has(host.MountSetattr):
		return nil, &diag.Error{
			Kind: diag.Host, Problem: "to restrict a mount before a running container sees it takes Linux 5.12 " +
				"(mount_setattr(2)): put it into mounts of config.json",
		}
	}
	return w, nil
}

// errShared returns the error about a container in rt's own mount namespace.
func errShared() error {
	return &diag.Error{
		Kind: diag.Host, Field: "linux.namespaces",
		Problem: "the container has no mount namespace of its own: what is mounted in it is mounted on the host",
	}
}

// run executes the plan. on are the handlers of its own sync points.
func (w *work) run(name string, on map[plan.SyncPoint]supervise.Handler) error {
	if w.Edit != nil {
		w.Edit(w.plan)
	}
	image, err := nsenter.Assemble(&w.plan.Program)
	if err != nil {
		return &diag.Error{Kind: diag.Document, Problem: "the boot process can't be made", Err: err}
	}
	files, err := w.openFiles()
	defer func() { sys.CloseAll(files...) }()
	if err != nil {
		return err
	}
	if !w.alive() {
		// What was read in its /proc entries may be another process's.
		return state.Allow(state.Mount, w.State.ID, state.Stopped)
	}
	null, err := stdio.OpenNull()
	if err != nil {
		return err
	}
	defer sys.CloseAll(null)
	inherited := []uintptr{uintptr(null), uintptr(null), uintptr(null)}
	for _, fd := range files {
		inherited = append(inherited, uintptr(fd))
	}
	boot, err := nsenter.Spawn(image, &nsenter.SpawnOptions{
		Argv: []string{name, w.State.ID}, Files: inherited, CgroupFD: -1, Dir: w.Dir.Path("."),
	})
	if err != nil {
		return err
	}
	return w.serve(boot, image, on)
}

// serve serves the boot process until it has ended.
func (w *work) serve(boot *nsenter.Boot, image nsenter.Image, on map[plan.SyncPoint]supervise.Handler) error {
	w.session = &supervise.Session{
		Boot: boot, Image: image, Steps: w.plan.Steps, Interrupted: w.Interrupted, Debug: w.Debug,
	}
	files := rootfs.Serve(w.session, w.spec, nil, w.Dir.Path("."))
	defer files.Close()
	for point, handle := range on {
		w.session.Handlers[point] = handle
	}
	noMemoryLimit := func() error { return nil } // the process is in no cgroup of the container
	if err := w.session.Serve(plan.SyncNone); err != nil {
		err = failure.Explain(err, w.session, w.plan, w.spec, noMemoryLimit)
		w.session.End()
		return err
	}
	status, err := w.session.Status()
	if err != nil {
		return diag.Sys("the end of the boot process is not known", "wait4", err)
	}
	if status.Exited() && status.ExitStatus() == 0 {
		return nil
	}
	return &diag.Error{
		Kind:    diag.Kernel,
		Problem: "the boot process has died in the middle of its plan (wait status " + strconv.Itoa(int(status)) + ")",
	}
}

// openFiles opens what the plan has rt open, in the order of the plan. The caller closes the files, after an error too.
func (w *work) openFiles() ([]int, error) {
	opener := &descriptor.Opener{Spec: w.spec, Facts: &w.facts, Dir: w.Dir}
	files := make([]int, 0, len(w.plan.Files))
	for i := range w.plan.Files {
		if f := &w.plan.Files[i]; f.Kind == plan.FilePidfd {
			fd, err := unix.FcntlInt(uintptr(w.Pidfd), unix.F_DUPFD_CLOEXEC, 0)
			if err != nil {
				return files, diag.Sys("a descriptor can't be passed to the boot process", "fcntl", err)
			}
			files = append(files, fd)
			continue
		}
		opened, err := opener.Open(w.plan.Files[i : i+1])
		if err != nil {
			return files, err
		}
		files = append(files, opened...)
	}
	return files, nil
}

// alive reports whether the container's process still lives.
func (w *work) alive() bool {
	fds := []unix.PollFd{{Fd: int32(w.Pidfd), Events: unix.POLLIN}}
	n, err := unix.Poll(fds, 0)
	return err == nil && n == 0
}

// mountID returns the ID of the mount that a descriptor refers to, and whether that is its root directory. An ID that
// the kernel never gives another mount (STATX_MNT_ID_UNIQUE, Linux 6.8) is preferred.
func mountID(fd int) (id uint64, root bool, err error) {
	const unique = 0x4000 // STATX_MNT_ID_UNIQUE
	var st unix.Statx_t
	err = unix.Statx(fd, "", unix.AT_EMPTY_PATH|unix.AT_STATX_DONT_SYNC, unix.STATX_MNT_ID|unique, &st)
	if err == nil && st.Mask&(unix.STATX_MNT_ID|unique) == 0 {
		err = errors.ErrUnsupported
	}
	return st.Mnt_id, st.Attributes&unix.STATX_ATTR_MOUNT_ROOT != 0, err
}

// find returns the index of what was added last at a destination, or -1.
func (c *Container) find(destination string) int {
	for i, a := range slices.Backward(c.State.Added) {
		if a.Destination == destination {
			return i
		}
	}
	return -1
}

// forget removes what was added from the state.
func (c *Container) forget(i int) error {
	c.State.Added = slices.Delete(c.State.Added, i, i+1)
	return c.Dir.Save(c.State)
}
