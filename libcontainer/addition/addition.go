// Package addition adds mounts and devices to a running container, and removes them: `rt mount`, `rt umount`, `rt
// device`.
//
// A boot process executes a plan, as for a new container: it joins the user and mount namespace of the container, finds
// the mount point below the container's root, and attaches the mount that rt has cloned. It joins no other namespace
// and no cgroup of the container, and executes no program. Before the mount is attached, rt records its ID in
// state.json: rt removes only what it has added.
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

// Container is a running container.
type Container struct {
	Dir   *state.Container // locked, unless nothing is changed
	State *state.State
	Pidfd int        // of its init
	Spec  *spec.Spec // its config, as create has saved it

	// Each of these functions may be nil.
	Interrupted func() error      // as in supervise.Session
	Edit        func(*plan.Plan)  // changes a plan before it is executed, for tests
	Debug       func(line string) // as in supervise.Session
}

// work is a plan that changes the mounts of a container, and its execution.
type work struct {
	*Container
	spec    *spec.Spec // from which the plan is compiled
	facts   host.Facts
	options plan.AddOptions
	plan    *plan.Plan
	session *supervise.Session

	device string       // the device rule of an added device, in the form of devices.allow; "" for a mount
	allow  func() error // sets the device rules of the cgroup, with this one; nil for a mount
}

// newWork returns a work without a plan. It returns an error if rt can't change the mounts of the container.
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
		return nil, sharedError()
	case !w.facts.Has(host.MountSetattr):
		return nil, &diag.Error{
			Kind: diag.Host, Problem: "the restrictions of a mount can't be set before the container sees it: " +
				"that requires Linux 5.12 (mount_setattr(2))",
			Hint: "mounts of config.json need no such kernel",
		}
	}
	return w, nil
}

// sharedError returns the error about a container in rt's own mount namespace.
func sharedError() error {
	return &diag.Error{
		Kind: diag.Host, Field: "linux.namespaces",
		Problem: "the container has no mount namespace of its own: what is mounted in it is mounted on the host",
	}
}

// run executes the plan. name is argv[0] of the boot process. handlers has the handlers of the sync points that other
// plans do not have.
func (w *work) run(name string, handlers map[plan.SyncPoint]supervise.Handler) error {
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
	if process.AwaitEnd(w.Pidfd, 0) {
		// rt may have read the /proc entries of another process, which has got the pid.
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
	return w.serve(boot, image, handlers)
}

// serve serves the boot process until it has ended.
func (w *work) serve(
	boot *nsenter.Boot, image nsenter.Image, handlers map[plan.SyncPoint]supervise.Handler,
) error {
	w.session = &supervise.Session{
		Boot: boot, Image: image, Steps: w.plan.Steps, Interrupted: w.Interrupted, Debug: w.Debug,
	}
	files := rootfs.Serve(w.session, w.spec, nil, w.Dir.Path("."))
	defer files.Close()
	for point, handler := range handlers {
		w.session.Handlers[point] = handler
	}
	oomError := func() error { return nil } // no memory limit: the process is in no cgroup of the container
	if err := w.session.Serve(plan.SyncNone); err != nil {
		err = failure.Explain(err, w.session, w.plan, w.spec, oomError)
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

// openFiles opens the files that the plan passes to the boot process, in order. The caller closes them, even after an
// error.
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

// mountID returns the ID of the mount that a descriptor is in, and whether the descriptor is the root of the mount.
// Since Linux 6.8 the ID is unique (STATX_MNT_ID_UNIQUE): the kernel gives it to no later mount. Before, it may reuse
// it.
func mountID(fd int) (id uint64, root bool, err error) {
	const unique = 0x4000 // STATX_MNT_ID_UNIQUE
	st, err := sys.StatNoSync(fd, "", unix.AT_EMPTY_PATH, unix.STATX_MNT_ID|unique)
	if err == nil && st.Mask&(unix.STATX_MNT_ID|unique) == 0 {
		err = errors.ErrUnsupported
	}
	return st.Mnt_id, st.Attributes&unix.STATX_ATTR_MOUNT_ROOT != 0, err
}

// findAdded returns the index of the last mount or device that was added at a destination, or -1.
func (c *Container) findAdded(destination string) int {
	for i, a := range slices.Backward(c.State.Added) {
		if a.Destination == destination {
			return i
		}
	}
	return -1
}

// forget removes the i-th added mount or device from the state, and saves the state.
func (c *Container) forget(i int) error {
	c.State.Added = slices.Delete(c.State.Added, i, i+1)
	return c.Dir.Save(c.State)
}
