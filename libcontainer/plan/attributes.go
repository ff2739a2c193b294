package plan

import (
	"encoding/binary"
	"strconv"

	"golang.org/x/sys/unix"

	"rt/libcontainer/host"
	"rt/nsenter"
	"rt/spec"
)

// attr returns the mount_attr of mount_setattr(2) as an operand.
func attr(set, clr uint64, propagation uintptr) nsenter.Arg {
	var b [32]byte
	le := binary.NativeEndian
	le.PutUint64(b[:], set)
	le.PutUint64(b[8:], clr)
	le.PutUint64(b[16:], uint64(propagation))
	text, sep := "{", ""
	for _, f := range [...]struct {
		name  string
		names *nsenter.Names
		value uint64
	}{
		{"set=", &nsenter.MountAttrs, set},
		{"clear=", &nsenter.MountAttrs, clr},
		{"propagation=", &nsenter.MountFlags, uint64(propagation)},
	} {
		if f.value != 0 {
			text += sep + f.name + f.names.Format(f.value)
			sep = ", "
		}
	}
	return nsenter.Data(string(b[:]), text+"}")
}

const sizeofMountAttr = 32

// setAttributes changes the attributes of the mount, or the tree of mounts, whose root directory tree is. Linux 5.12.
func (c mounter) setAttributes(origin, sentence string, tree nsenter.Reg, set, clr uint64, propagation uintptr,
	recursive bool,
) step {
	// The kinds of access times are one value, which is set by clearing it first: mount_setattr(2).
	if set&unix.MOUNT_ATTR__ATIME != 0 {
		clr |= unix.MOUNT_ATTR__ATIME
	}
	flags := unix.AT_EMPTY_PATH
	if recursive {
		flags |= unix.AT_RECURSIVE
	}
	return c.call(origin, sentence, nsenter.MountSetattr, nsenter.Val(tree), nsenter.Str(""),
		nsenter.Flags(&nsenter.AtFlags, flags), attr(set, clr, propagation), nsenter.Imm(sizeofMountAttr))
}

// setReadonly makes an attached mount read-only. flags are its MS_* flags, for kernels that can only set all of them.
func (c mounter) setReadonly(origin, sentence string, tree nsenter.Reg, flags uintptr) {
	if c.host.Has(host.MountSetattr) {
		c.setAttributes(origin, sentence, tree, unix.MOUNT_ATTR_RDONLY, 0, 0, false)
		return
	}
	c.setFlags(origin, sentence, tree, flags|unix.MS_RDONLY)
}

// setFlags sets all flags of an attached mount: mount(2) with MS_REMOUNT|MS_BIND, the only way before Linux 5.12.
func (c mounter) setFlags(origin, sentence string, tree nsenter.Reg, flags uintptr) step {
	return c.call(origin, sentence, nsenter.Mount, nsenter.Null, c.pathOf(origin, tree), nsenter.Null,
		nsenter.Flags(&nsenter.MountFlags, flags|unix.MS_REMOUNT|unix.MS_BIND), nsenter.Null)
}

// pathOf returns a path of a mount, for calls of old kernels that accept nothing else: that of a descriptor of known
// number in the host's /proc, which no container can change. Unlike ".", it works for a file too.
func (c mounter) pathOf(origin string, tree nsenter.Reg) nsenter.Arg {
	spare := c.spareFD("the mount")
	c.call(origin, "duplicate the mount to a fixed number", nsenter.Dup3, nsenter.Val(tree), nsenter.Num(spare),
		nsenter.Flags(&nsenter.OpenFlags, unix.O_CLOEXEC))
	return nsenter.Str("/proc/self/fd/" + strconv.Itoa(c.plan.Number(spare)))
}

// setPropagation sets the propagation of the mount in tree, in the order of the options.
func (c mounter) setPropagation(m *spec.Mount, tree nsenter.Reg) {
	origin := mountPath(m, "options")
	for _, p := range m.Propagation {
		if c.host.Has(host.MountSetattr) {
			c.setAttributes(origin, "set its propagation", tree, 0, 0, p&^unix.MS_REC, p&unix.MS_REC != 0)
			continue
		}
		c.call(origin, "set its propagation", nsenter.Mount, nsenter.Null, c.pathOf(origin, tree), nsenter.Null,
			nsenter.Flags(&nsenter.MountFlags, p), nsenter.Null)
	}
}

// mountFlags returns the MS_* flags that stand for MOUNT_ATTR_* attributes.
func mountFlags(attrs uint64) (flags uintptr) {
	for _, pair := range [...]struct {
		attr uint64
		flag uintptr
	}{
		{unix.MOUNT_ATTR_RDONLY, unix.MS_RDONLY},
		{unix.MOUNT_ATTR_NOSUID, unix.MS_NOSUID},
		{unix.MOUNT_ATTR_NODEV, unix.MS_NODEV},
		{unix.MOUNT_ATTR_NOEXEC, unix.MS_NOEXEC},
		{unix.MOUNT_ATTR_NOATIME, unix.MS_NOATIME},
		{unix.MOUNT_ATTR_STRICTATIME, unix.MS_STRICTATIME},
		{unix.MOUNT_ATTR_NODIRATIME, unix.MS_NODIRATIME},
		{unix.MOUNT_ATTR_NOSYMFOLLOW, unix.MS_NOSYMFOLLOW},
	} {
		if attrs&pair.attr != 0 {
			flags |= pair.flag
		}
	}
	return flags
}
