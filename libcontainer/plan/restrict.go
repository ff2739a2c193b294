package plan

import (
	"slices"
	"strconv"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/internal/sys"
	"rt/libcontainer/host"
	"rt/nsenter"
	"rt/spec"
)

// restrictions are the masked paths, the read-only paths and the read-only mounts.
type restrictions struct{ mounter }

// compile masks linux.maskedPaths, makes linux.readonlyPaths read-only (config-linux.md#masked-paths), and
// finally makes those mounts read-only that had to be writable before. A path that is listed twice is restricted once.
func (c restrictions) compile() error {
	if !c.hasMountNamespace() {
		return nil
	}
	for i, path := range c.spec.ReadonlyPaths {
		if !slices.Contains(c.spec.ReadonlyPaths[:i], path) {
			c.makeReadonly("linux.readonlyPaths["+strconv.Itoa(i)+"]", path)
		}
	}
	for i, path := range c.spec.MaskedPaths {
		if !slices.Contains(c.spec.MaskedPaths[:i], path) {
			c.mask("linux.maskedPaths["+strconv.Itoa(i)+"]", path)
		}
	}
	for _, m := range c.opened.readonly {
		c.setReadonly(m.origin, "make "+m.destination+" read-only: it is complete", m.reg, m.flags)
	}
	return nil
}

// directoryOf returns the directory from which path is looked up. A path in /proc or /sys is looked up from the mount
// itself, so no change of a name can redirect it.
func (c restrictions) directoryOf(path string) (dir nsenter.Reg, name string) {
	i, rest := c.kernelTreeOf(path)
	for _, m := range c.opened.restricted {
		if m.index == i {
			return m.reg, rest
		}
	}
	return regRoot, path
}

// kernelTreeOf returns the index of the last procfs, sysfs, or bind mount on /proc or /sys that contains path, and the
// path in it; -1 if there is none, or if a later mount covers it.
func (c *input) kernelTreeOf(path string) (index int, rest string) {
	index = -1
	for i := range c.spec.Mounts {
		m := &c.spec.Mounts[i]
		if m.Remount {
			continue
		}
		name, below := sys.Below(path, m.Destination)
		switch {
		case below && name != "" && isKernelTree(m):
			index, rest = i, name
		case index >= 0:
			if _, covered := sys.Below(c.spec.Mounts[index].Destination, m.Destination); covered {
				index = -1
			}
		}
	}
	return index, rest
}

// restricts reports whether a masked or read-only path is looked up from mount i.
func (c *input) restricts(i int) bool {
	if i < 0 || !isKernelTree(&c.spec.Mounts[i]) || c.spec.Mounts[i].Remount {
		return false
	}
	for _, list := range [...][]string{c.spec.ReadonlyPaths, c.spec.MaskedPaths} {
		for _, path := range list {
			if j, _ := c.kernelTreeOf(path); j == i {
				return true
			}
		}
	}
	return false
}

// reserve reserves a register for each mount in which paths are restricted, and refuses a config with more such mounts
// than registers.
func (c restrictions) reserve() error {
	for i := range c.spec.Mounts {
		if c.restricts(i) {
			c.opened.reserved++
		}
	}
	if most := nsenter.MaxReg - int(regFree); c.opened.reserved > most {
		return &diag.Error{
			Kind: diag.Document, Field: "linux.maskedPaths",
			Problem: "together with linux.readonlyPaths has paths in more mounts of proc and sysfs than rt can do, " +
				strconv.Itoa(most) + ": leave some out",
		}
	}
	return nil
}

// holdOpen keeps the bind mount in regTree open if paths are restricted in it.
func (c bindMounts) holdOpen(i int, m *spec.Mount) {
	if !c.restricts(i) {
		return
	}
	r, _ := c.reserveRegister(true)
	c.call(mountPath(m, ""), "keep its descriptor: paths in it are restricted later", nsenter.Fcntl,
		nsenter.Val(regTree), nsenter.Flags(&nsenter.FcntlCommands, unix.F_DUPFD_CLOEXEC), nsenter.Imm(0)).into(r)
	c.opened.restricted = append(c.opened.restricted, openMount{i, m.Destination, mountPath(m, ""), r, 0})
}

// openPath opens path, in regTarget. A missing path needs no restriction: it can't appear later in a file system of the
// kernel, and elsewhere the config means existing files.
func (c restrictions) openPath(origin, path string, absent label) {
	dir, name := c.directoryOf(path)
	c.open(origin, "open it", dir, name, howPath).into(regTarget).onErrno(absent, unix.ENOENT, unix.ENOTDIR)
}

// hostAttrs are the attributes of every mount of a host's inode that rt makes without being asked by the config. A
// device on a read-only mount can be written to; its mode, owner, times and extended attributes, which are the host's,
// can't be changed.
const hostAttrs = unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NOEXEC

// mask hides path: a directory behind an empty read-only tmpfs, a file behind /dev/null. Whether it is a directory is
// known when it is opened as one. An attempt to attach a mount of the wrong kind would show it as well, but would leave
// that mount detached, and the start of the program would wait for an RCU grace period for each (dissolve_on_fput in
// the kernel's namespace.c).
func (c restrictions) mask(origin, path string) {
	file, end, absent := c.newLabel(), c.newLabel(), c.newLabel()
	c.makeMasks()
	dir, name := c.directoryOf(path)
	c.open(origin, "open it if it is a directory", dir, name, howDir).into(regTarget).
		onErrno(file, unix.ENOENT, unix.ENOTDIR)
	c.attachMask(origin, "clone the mount of the empty directory", regEmpty, end).then(end)
	c.mark(file)
	c.openPath(origin, path, absent)
	if c.host.Has(host.MountSetattr) {
		c.attachMask(origin, "clone the mount of /dev/null", regNull, end)
	} else {
		c.cloneNull(origin, regNull, regTree)
		c.attach(origin, regTree, regTarget)
		c.setFlags(origin, "restrict it: the host's inode must not change", regTree, mountFlags(hostAttrs))
	}
	c.mark(end)
	c.close(regTree)
	c.close(regTarget)
	c.mark(absent)
}

// attachMask attaches a copy of the mount in r to the target and continues at end. Most kernels don't copy a detached
// mount: then it is attached to the first target itself, by the last step, which is returned; and copies of it, with
// all its attributes, to the others.
func (c restrictions) attachMask(origin, sentence string, r nsenter.Reg, end label) step {
	copied := c.call(origin, sentence, nsenter.OpenTree, nsenter.Val(r), nsenter.Str(""),
		nsenter.Flags(&nsenter.OpenTreeFlags,
			unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_EMPTY_PATH)).into(regTree)
	if c.masksAside() {
		return c.attach(origin, regTree, regTarget)
	}
	uncopied := c.newLabel()
	copied.onErrno(uncopied, unix.EINVAL)
	c.attach(origin, regTree, regTarget).then(end)
	c.mark(uncopied)
	return c.attach(origin, r, regTarget)
}

// masksAside reports whether the mounts that masks are copies of can be attached to the host's tree, of which the
// container's mount namespace has a copy until the root is changed: see makeMasks.
func (c restrictions) masksAside() bool {
	return c.host.Has(host.MountSetattr) && c.unshared(unix.CLONE_NEWNS) && c.contained() && !c.opt.NoPivot
}

// cloneNull makes a detached mount of the host's /dev/null, which is in from.
func (c restrictions) cloneNull(origin string, from, to nsenter.Reg) {
	c.call(origin, "clone its mount", nsenter.OpenTree, nsenter.Val(from), nsenter.Str(""),
		nsenter.Flags(&nsenter.OpenTreeFlags, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_EMPTY_PATH)).into(to)
}

// makeMasks makes a detached mount of the host's /dev/null, which is restricted before it is attached, and an empty
// directory, for all masks. The name is looked up in the host's tree, which no container can change, without following
// a link, and rt has checked that it is the device 1:3: CVE-2025-31133.
//
// Both are attached to the old root if possible, /dev/null over itself and the directory at /dev: every kernel copies
// attached mounts, and they are unmounted with the old root. A detached mount that is never attached would be taken
// down when its descriptor is closed, and the start of the program would wait for an RCU grace period for each.
func (c restrictions) makeMasks() {
	if c.masksMade {
		return
	}
	c.masksMade = true
	const origin = "linux.maskedPaths"
	null := regNull
	if c.host.Has(host.MountSetattr) {
		null = regFile
	}
	c.call(origin, "open the host's /dev/null", nsenter.Openat2, nsenter.Cwd, nsenter.Str("/dev/null"), howHostNode,
		nsenter.Imm(sizeofOpenHow)).into(null)
	if c.host.Has(host.MountSetattr) {
		c.cloneNull(origin, null, regNull)
		c.setAttributes(origin, "restrict the copy: the host's inode must not change", regNull, hostAttrs, 0, 0, false)
	}
	if c.masksAside() {
		c.call(origin, "attach it to the old root, so that it can be cloned", nsenter.MoveMount, nsenter.Val(regNull),
			nsenter.Str(""), nsenter.Val(null), nsenter.Str(""),
			nsenter.Flags(&nsenter.MoveMountFlags, unix.MOVE_MOUNT_F_EMPTY_PATH|unix.MOVE_MOUNT_T_EMPTY_PATH))
	}
	if null != regNull {
		c.close(null)
	}
	c.call(origin, "configure a new tmpfs that masks directories", nsenter.Fsopen, nsenter.Str("tmpfs"),
		nsenter.Flags(&nsenter.FsopenFlags, unix.FSOPEN_CLOEXEC)).into(regFS)
	for _, option := range [...][2]string{{"mode", "755"}, {"nr_blocks", "1"}, {"nr_inodes", "1"}} {
		c.fsconfig(origin, "set the option "+option[0]+"="+option[1], unix.FSCONFIG_SET_STRING, option[0], option[1])
	}
	c.fsconfig(origin, "create the file system", unix.FSCONFIG_CMD_CREATE, "", "")
	c.call(origin, "create a detached mount", nsenter.Fsmount, nsenter.Val(regFS),
		nsenter.Flags(&nsenter.FsmountFlags, unix.FSMOUNT_CLOEXEC),
		nsenter.Flags(&nsenter.MountAttrs,
			unix.MOUNT_ATTR_RDONLY|unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NODEV|unix.MOUNT_ATTR_NOEXEC)).into(regEmpty)
	if c.masksAside() {
		c.call(origin, "attach it to the old root, so that it can be cloned", nsenter.MoveMount, nsenter.Val(regEmpty),
			nsenter.Str(""), nsenter.Cwd, nsenter.Str("/dev"),
			nsenter.Flags(&nsenter.MoveMountFlags, unix.MOVE_MOUNT_F_EMPTY_PATH))
	}
	c.close(regFS)
}

// makeReadonly covers path with a read-only copy of itself.
func (c restrictions) makeReadonly(origin, path string) {
	end := c.newLabel()
	c.openPath(origin, path, end)
	c.call(origin, "clone the mount at "+path, nsenter.OpenTree, nsenter.Val(regTarget), nsenter.Str(""),
		nsenter.Flags(&nsenter.OpenTreeFlags,
			unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_EMPTY_PATH|unix.AT_RECURSIVE)).into(regTree)
	modern := c.host.Has(host.MountSetattr)
	if modern {
		c.setAttributes(origin, "make the copy read-only", regTree, unix.MOUNT_ATTR_RDONLY, 0, 0, false)
	}
	c.attach(origin, regTree, regTarget)
	if !modern {
		c.setFlags(origin, "make it read-only", regTree, unix.MS_RDONLY|c.flagsAt(path))
	}
	c.close(regTree)
	c.close(regTarget)
	c.mark(end)
}

// flagsAt returns the flags of the mount that contains path, as far as the config tells: a remount sets all of them,
// and in a user namespace can't clear locked ones. A later mount covers earlier ones at and below its destination, so
// the last one counts.
func (c restrictions) flagsAt(path string) (flags uintptr) {
	var attrs uint64
	for i := range c.spec.Mounts {
		m := &c.spec.Mounts[i]
		if _, ok := sys.Below(path, m.Destination); ok && !m.Remount {
			attrs = c.attributesOf(i)
		}
	}
	return mountFlags(attrs)
}

// attributesOf returns the attributes of mount i, as later remounts of its destination change them.
func (c restrictions) attributesOf(i int) uint64 {
	attrs := c.spec.Mounts[i].AttrSet
	for j := i + 1; j < len(c.spec.Mounts); j++ {
		if m := &c.spec.Mounts[j]; m.Remount && m.Destination == c.spec.Mounts[i].Destination {
			attrs = attrs&^m.AttrClear | m.AttrSet
		}
	}
	return attrs
}

// isKernelTree reports whether masked and read-only paths are looked up from m: see directoryOf.
func isKernelTree(m *spec.Mount) bool {
	if m.Bind {
		return m.Destination == "/proc" || m.Destination == "/sys"
	}
	return m.Type == "proc" || m.Type == "sysfs"
}
