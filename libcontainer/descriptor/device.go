package descriptor

import (
	"path"
	"strconv"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/internal/sys"
	"rt/libcontainer/inspect"
	"rt/libcontainer/plan"
	"rt/spec"
)

// makeDevice returns a detached mount of a new device node. A container with a user namespace can't make one itself
// (mknod(2)), and the host may have the device at another path, or not at all.
//
// The node is in the state directory, which only root can enter, until the container is deleted: what has no name can't
// be mounted.
func (o *Opener) makeDevice(f *plan.File) (int, error) {
	d := plan.NodeFor(o.Spec, f)
	name := o.Dir.Path("device-" + path.Base(d.Path))
	if d.Index >= 0 {
		name = o.Dir.Path("device" + strconv.Itoa(d.Index))
	}
	if err := unix.Mknod(name, d.Mode&unix.S_IFMT, int(unix.Mkdev(d.Major, d.Minor))); err != nil {
		if tree, ok := cloneDevice(&d); ok {
			return tree, nil
		}
		return deviceError(f, "mknod", -1, err)
	}
	tree, err := unix.OpenTree(unix.AT_FDCWD, name, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
	if err != nil {
		return deviceError(f, "open_tree", -1, err)
	}
	// /run is often mounted nodev. As a peer of the host's mount, the copy would pass mounts on to the host.
	err = unix.MountSetattr(tree, "", unix.AT_EMPTY_PATH,
		&unix.MountAttr{Attr_clr: unix.MOUNT_ATTR_NODEV, Propagation: unix.MS_PRIVATE})
	if err != nil {
		return deviceError(f, "mount_setattr", tree, err)
	}
	uid, gid := o.Spec.HostID(d.UID, o.Spec.UIDMappings), o.Spec.HostID(d.GID, o.Spec.GIDMappings)
	if err := unix.Fchownat(tree, "", int(uid), int(gid), unix.AT_EMPTY_PATH); err != nil {
		return deviceError(f, "fchownat", tree, err)
	}
	if err := unix.Chmod("/proc/self/fd/"+strconv.Itoa(tree), d.Mode&0o7777); err != nil {
		return deviceError(f, "chmod", tree, err)
	}
	return tree, nil
}

// cloneDevice returns a detached copy of the host's mount of a device, if the host has it at the same path: rt itself
// may lack CAP_MKNOD, and another mode or owner is better than no device.
func cloneDevice(d *spec.Device) (int, bool) {
	tree, err := openTree(d.Path, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
	if err != nil {
		return -1, false
	}
	var st unix.Stat_t
	if unix.Fstat(tree, &st) != nil || !inspect.IsDevice(&st, d) {
		_ = unix.Close(tree)
		return -1, false
	}
	_ = unix.MountSetattr(tree, "", unix.AT_EMPTY_PATH, &unix.MountAttr{Propagation: unix.MS_PRIVATE})
	return tree, true
}

// deviceError closes tree, if it is open, and returns the error about a device node.
func deviceError(f *plan.File, call string, tree int, err error) (int, error) {
	sys.CloseAll(tree)
	field := f.Origin
	if field != "" {
		field += ".path"
	}
	e := diag.Sys("the host has no such device at this path, and rt can't make one", call, err).At(field, f.Path)
	if call == "mknod" && e.Errno == unix.EPERM {
		e.Hint = "give rt CAP_MKNOD, or name a device that the host has"
	}
	return -1, e
}
