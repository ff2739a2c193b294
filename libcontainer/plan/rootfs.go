package plan

import (
	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/libcontainer/host"
	"rt/nsenter"
)

// rootFileSystem is the part that makes the root file system a mount of its own, and later the root.
type rootFileSystem struct{ mounter }

// compile compiles the steps from the host's mounts to a root file system that is a mount of its own, as pivot_root(2)
// requires.
//
// The copy is attached at root.path itself, where hooks look for it. If the root user of a user namespace can't reach
// that path, it is attached on top of "/", which everyone can reach. Paths of the host still resolve as before, since a
// path that starts with "/" does not enter what covers it.
func (c rootFileSystem) compile() error {
	if !c.hasMountNamespace() {
		// Without a mount namespace of its own the container gets a chroot(2), and nothing is mounted: package spec
		// refuses a config that asks for mounts.
		c.call("root.path", "open the root file system", nsenter.Openat, nsenter.Cwd, nsenter.Str(c.spec.Rootfs),
			nsenter.Flags(&nsenter.OpenFlags, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC)).into(regRoot)
		return nil
	}
	const origin = "root.path"
	propagation := c.spec.RootPropagation
	if propagation == 0 {
		// No mount made here propagates to the host. Mounts that the host makes later may propagate to the sources of
		// bind mounts, as in other runtimes, but not to the root itself: see below.
		propagation = unix.MS_SLAVE | unix.MS_REC
	}
	c.call("linux.rootfsPropagation", "do not propagate mounts to the host", nsenter.Mount, nsenter.Str(""),
		nsenter.Str("/"), nsenter.Null,
		nsenter.Flags(&nsenter.MountFlags, c.copyablePropagation(propagation)), nsenter.Null)
	contained := c.contained()
	c.openMount()
	private := c.spec.RootPropagation == 0 && c.opt.Layer == nil // an overlay is a new mount, which is private
	if private && c.host.Has(host.MountSetattr) {
		c.setAttributes("linux.rootfsPropagation", "make it private: later mounts of the host do not appear in it",
			regRoot, 0, 0, unix.MS_PRIVATE, false)
		private = false
	}
	if !contained {
		c.call("linux.rootfsPropagation", "do not propagate mounts below the mount of root.path", nsenter.Mount,
			nsenter.Str(""), nsenter.Str(c.opt.RootMount), nsenter.Null,
			nsenter.Flags(&nsenter.MountFlags, c.fencePropagation()), nsenter.Null)
	}
	c.attachMount()
	if private {
		c.enter(origin, regRoot)
		c.call("linux.rootfsPropagation", "make it private: later mounts of the host do not appear in it",
			nsenter.Mount, nsenter.Str(""), nsenter.Str("."), nsenter.Null,
			nsenter.Flags(&nsenter.MountFlags, uintptr(unix.MS_PRIVATE)), nsenter.Null)
	}
	if !contained {
		// Otherwise mounts made below would propagate to the host's copy of the root file system.
		c.enter(origin, regRoot)
		c.call("linux.rootfsPropagation", "do not propagate mounts made in it", nsenter.Mount, nsenter.Str(""),
			nsenter.Str("."), nsenter.Null,
			nsenter.Flags(&nsenter.MountFlags, c.fencePropagation()), nsenter.Null)
	}
	return nil
}

// openMount opens the mount that becomes the container's root in regRoot: a copy of the mount at root.path, or a layer
// over it.
func (c rootFileSystem) openMount() {
	const origin = "root.path"
	tree, copied := c.findFile(func(f *File) bool { return f.Kind == FileTree && f.Index < 0 })
	switch {
	case c.opt.Layer != nil && !c.layerByHost():
		layers{c.mounter}.compile()
	case c.opt.Layer != nil:
		// The first process has made it: see layers.compileFirst.
	case copied:
		c.call(origin, "use rt's clone of the root file system", nsenter.Fcntl, nsenter.Num(tree),
			nsenter.Flags(&nsenter.FcntlCommands, unix.F_DUPFD_CLOEXEC),
			nsenter.Imm(0)).into(regRoot)
	default:
		c.call(origin, "clone the mounts of the root file system", nsenter.OpenTree, nsenter.Cwd,
			nsenter.Str(c.spec.Rootfs),
			nsenter.Flags(&nsenter.OpenTreeFlags,
				unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_RECURSIVE)).into(regRoot)
	}
}

// attachMount attaches the copy of the root file system.
func (c rootFileSystem) attachMount() {
	const origin = "root.path"
	at := func(path string) step {
		return c.call(origin, "attach it at "+path, nsenter.MoveMount, nsenter.Val(regRoot), nsenter.Str(""),
			nsenter.Cwd, nsenter.Str(path),
			nsenter.Flags(&nsenter.MoveMountFlags, unix.MOVE_MOUNT_F_EMPTY_PATH|unix.MOVE_MOUNT_T_SYMLINKS))
	}
	if !c.treesByRT() && !c.layerByHost() {
		at(c.spec.Rootfs)
		return
	}
	noWay, end := c.newLabel(), c.newLabel()
	at(c.spec.Rootfs).then(end).onErrno(noWay, unix.EACCES)
	c.mark(noWay)
	if !c.contained() {
		c.call("linux.rootfsPropagation", "do not propagate mounts below /", nsenter.Mount, nsenter.Str(""),
			nsenter.Str("/"), nsenter.Null,
			nsenter.Flags(&nsenter.MountFlags, c.fencePropagation()), nsenter.Null)
	}
	at("/")
	c.mark(end)
}

// contained reports whether the propagation of the host's mounts keeps all changes of mounts made here from the host.
// If it does not (shared, or a word without the r, which does not change the mounts below "/"), every step whose change
// could propagate is fenced on its own.
func (c *input) contained() bool {
	p := c.spec.RootPropagation
	return p == 0 || p&unix.MS_REC != 0 && p&unix.MS_SHARED == 0
}

// fencePropagation returns the propagation that keeps changes of a mount here from the host. Changes on the host still
// propagate if the config asks for a slave.
func (c rootFileSystem) fencePropagation() uintptr {
	if c.spec.RootPropagation&unix.MS_SLAVE != 0 {
		return unix.MS_SLAVE
	}
	return unix.MS_PRIVATE
}

// copyablePropagation returns the propagation of the host's mounts while the container is made. An unbindable mount
// could not be copied, so it stays private until then.
func (c rootFileSystem) copyablePropagation(propagation uintptr) uintptr {
	if propagation&unix.MS_UNBINDABLE != 0 {
		return unix.MS_PRIVATE | propagation&unix.MS_REC
	}
	return propagation
}

// changeRoot makes the root file system the root, and unmounts the host's.
func (c rootFileSystem) changeRoot() error {
	const origin = "root.path"
	if !c.hasMountNamespace() {
		c.enter(origin, regRoot)
		c.call(origin, "change the root", nsenter.Chroot, nsenter.Str("."))
		return nil
	}
	if c.spec.RootReadonly {
		c.setReadonly("root.readonly", "make the root read-only", regRoot, unix.MS_RDONLY)
	}
	if !c.contained() && !c.opt.NoPivot {
		c.call(origin, "open the old root", nsenter.Openat, nsenter.Cwd, nsenter.Str("/"),
			nsenter.Flags(&nsenter.OpenFlags, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC)).into(regDir)
	}
	c.enter(origin, regRoot)
	switch {
	case !c.opt.NoPivot:
		c.call(origin, "change the root; the old root is mounted over it", nsenter.PivotRoot, nsenter.Str("."),
			nsenter.Str("."))
		if !c.contained() {
			// Otherwise an unmount here would propagate to the host.
			c.enter(origin, regDir)
			c.call(origin, "do not propagate the unmount to the host", nsenter.Mount, nsenter.Str(""), nsenter.Str("."),
				nsenter.Null,
				nsenter.Flags(&nsenter.MountFlags, uintptr(unix.MS_SLAVE|unix.MS_REC)), nsenter.Null)
		}
		c.call(origin, "unmount the old root", nsenter.Umount2, nsenter.Str("."),
			nsenter.Flags(&nsenter.UmountFlags, unix.MNT_DETACH))
		if !c.contained() { // otherwise it is already: pivot_root(2), NOTES
			c.call(origin, "make the new root the working directory", nsenter.Fchdir, nsenter.Val(regRoot))
		}
	case c.spec.RootPropagation&unix.MS_PRIVATE != 0:
		return &diag.Error{
			Kind: diag.Host, Field: "linux.rootfsPropagation", Value: "private",
			Problem: "does not go with --no-pivot, which leaves the host's mounts below the container's root: drop " +
				"--no-pivot, or the propagation",
		}
	default:
		if c.unshared(unix.CLONE_NEWNS) {
			c.unmountKernelMounts()
		}
		c.call(origin, "move the new root over the old one", nsenter.MoveMount, nsenter.Val(regRoot), nsenter.Str(""),
			nsenter.Cwd, nsenter.Str("/"),
			nsenter.Flags(&nsenter.MoveMountFlags, unix.MOVE_MOUNT_F_EMPTY_PATH))
		c.call(origin, "change the root; the old root stays mounted below it", nsenter.Chroot, nsenter.Str("."))
	}
	if p := c.spec.RootPropagation; p != 0 {
		c.call("linux.rootfsPropagation", "set the propagation of the root", nsenter.Mount, nsenter.Str(""),
			nsenter.Str("."), nsenter.Null,
			nsenter.Flags(&nsenter.MountFlags, p), nsenter.Null)
	}
	return nil
}
