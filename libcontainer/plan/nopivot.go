package plan

import (
	"golang.org/x/sys/unix"

	"rt/internal/sys"
	"rt/nsenter"
)

// KernelMount is a mount of procfs or sysfs that the host has.
type KernelMount struct {
	Path   string // its mount point
	Parent string // the mount point of the mount that it is attached to
}

// unmountKernelMounts unmounts the host's procfs and sysfs, because --no-pivot leaves the host's mounts below the
// container's root. No path leads there, but the kernel lets a user namespace mount a new procfs if there is one in the
// mount namespace that nothing covers (mount_too_revealing in its namespace.c), and the new one has nothing masked and
// nothing read-only. The container's own mounts exist by now.
//
// The latest mount is unmounted first. In a user namespace mounts of the host are locked (mount_namespaces(7)): those
// are covered instead.
func (c rootFileSystem) unmountKernelMounts() {
	const origin = "--no-pivot"
	for i := len(c.opt.KernelMounts) - 1; i >= 0; i-- {
		m := &c.opt.KernelMounts[i]
		if _, ok := sys.Below(m.Path, c.spec.Rootfs); ok {
			continue // the container's root is attached over it
		}
		if !c.contained() {
			// An unmount also happens at the peers of the mount that the unmounted one is attached to: this one's
			// parent, and for what is below it, itself.
			c.leavePeerGroup(m.Parent, unix.MS_SLAVE)
			c.leavePeerGroup(m.Path, unix.MS_SLAVE|unix.MS_REC)
		}
		locked, end := c.newLabel(), c.newLabel()
		c.call(origin, "unmount the host's "+m.Path, nsenter.Umount2, nsenter.Str(m.Path),
			nsenter.Flags(&nsenter.UmountFlags, unix.MNT_DETACH)).
			then(end).onErrno(locked, unix.EINVAL, unix.EPERM, unix.ENOENT)
		c.mark(locked)
		c.call(origin, "mount over it if it can't be unmounted", nsenter.Mount, nsenter.Str("tmpfs"),
			nsenter.Str(m.Path), nsenter.Str("tmpfs"),
			nsenter.Flags(&nsenter.MountFlags,
				uintptr(unix.MS_RDONLY|unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC)),
			nsenter.Str("nr_blocks=1,nr_inodes=1")).
			ignore(unix.ENOENT)
		c.mark(end)
	}
}

// leavePeerGroup removes a mount of the host from its peer group.
func (c rootFileSystem) leavePeerGroup(path string, flags uintptr) {
	c.call("linux.rootfsPropagation", "do not propagate the unmount to the host", nsenter.Mount, nsenter.Str(""),
		nsenter.Str(path), nsenter.Null,
		nsenter.Flags(&nsenter.MountFlags, flags), nsenter.Null).ignore(unix.EINVAL, unix.ENOENT)
}
