package plan

import (
	"strconv"

	"golang.org/x/sys/unix"

	"rt/libcontainer/host"
	"rt/nsenter"
)

// restrictPaths hides linux.maskedPaths, makes linux.readonlyPaths read-only (config-linux.md#masked-paths), and at last makes the mounts
// read-only in which something had to be made.
func (c *compiler) restrictPaths() error {
	if !c.mountNamespace() {
		return nil
	}
	for i, path := range c.spec.ReadonlyPaths {
		c.readonlyPath("linux.readonlyPaths["+strconv.Itoa(i)+"]", path)
	}
	for i, path := range c.spec.MaskedPaths {
		c.mask("linux.maskedPaths["+strconv.Itoa(i)+"]", path)
	}
	for _, m := range c.readonly {
		c.setReadonly(m.origin, "make "+m.destination+" read-only: it is complete", m.reg, m.flags)
	}
	return nil
}

// at returns where path is looked up: what is in a procfs or sysfs that rt mounted is found from that mount itself.
func (c *compiler) at(path string) (dir nsenter.Reg, name string) {
	dir = regRoot
	for _, m := range c.kept {
		if rest, ok := below(path, m.destination); ok && rest != "" {
			dir, path = m.reg, rest
		}
	}
	return dir, path
}

// find opens path, in regTarget.
// A path that is not there needs no restriction: it can't appear later in a file system of the kernel, and elsewhere the config means what is there.
func (c *compiler) find(origin, path string, absent label) {
	dir, name := c.at(path)
	c.open(origin, "find it", dir, name, howPath).to(regTarget).on(absent, unix.ENOENT, unix.ENOTDIR)
}

// mask hides path: a directory behind an empty read-only tmpfs, a file behind /dev/null. Which of the two it is turns out when it is opened as a
// directory. Trying to attach a mount of the wrong kind would tell as well, but would leave that mount behind, and the program's start would
// wait for an RCU grace period for each (dissolve_on_fput in the kernel's namespace.c).
func (c *compiler) mask(origin, path string) {
	file, uncopied, end := c.newLabel(), c.newLabel(), c.newLabel()
	c.openNull()
	copyOf := func(r nsenter.Reg, sentence string) step {
		return c.do(origin, sentence, nsenter.OpenTree, nsenter.Val(r), nsenter.Str(""),
			nsenter.Flags(&nsenter.OpenTreeFlags, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_EMPTY_PATH)).to(regTree)
	}
	dir, name := c.at(path)
	c.open(origin, "find it, if it is a directory", dir, name, howDir).to(regTarget).on(file, unix.ENOENT, unix.ENOTDIR)
	// Most kernels copy only what is attached: so the empty tmpfs itself goes to the first directory, and copies of it to the others.
	copyOf(regEmpty, "another copy of the empty directory").on(uncopied, unix.EINVAL)
	c.attach(origin, regTree, regTarget).then(end)
	c.place(uncopied)
	c.attach(origin, regEmpty, regTarget).then(end)
	c.place(file)
	c.find(origin, path, end)
	copyOf(regNull, "another copy of /dev/null")
	c.attach(origin, regTree, regTarget)
	c.place(end)
	c.close(regTree)
	c.close(regTarget)
}

// openNull puts the host's /dev/null and an empty directory in hand, for all masks. The name is looked up in the host's tree, which no
// container can change, without following a link, and rt has seen that it is the device 1:3: CVE-2025-31133.
func (c *compiler) openNull() {
	if c.nullOpen {
		return
	}
	c.nullOpen = true
	const origin = "linux.maskedPaths"
	c.do(origin, "find the host's /dev/null", nsenter.Openat2, nsenter.Cwd, nsenter.Str("/dev/null"), howHostNode, nsenter.Imm(sizeofOpenHow)).to(regNull)
	c.do(origin, "a new tmpfs to hide directories behind", nsenter.Fsopen, nsenter.Str("tmpfs"),
		nsenter.Flags(&nsenter.FsopenFlags, unix.FSOPEN_CLOEXEC)).to(regFS)
	for _, option := range [...][2]string{{"mode", "755"}, {"nr_blocks", "1"}, {"nr_inodes", "1"}} {
		c.fsconfig(origin, "option "+option[0]+"="+option[1], unix.FSCONFIG_SET_STRING, option[0], option[1])
	}
	c.fsconfig(origin, "make it", unix.FSCONFIG_CMD_CREATE, "", "")
	c.do(origin, "make the mount", nsenter.Fsmount, nsenter.Val(regFS), nsenter.Flags(&nsenter.FsmountFlags, unix.FSMOUNT_CLOEXEC),
		nsenter.Flags(&nsenter.MountAttrs, unix.MOUNT_ATTR_RDONLY|unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NODEV|unix.MOUNT_ATTR_NOEXEC)).to(regEmpty)
	c.close(regFS)
}

// readonlyPath covers path with a read-only copy of itself.
func (c *compiler) readonlyPath(origin, path string) {
	end := c.newLabel()
	c.find(origin, path, end)
	c.do(origin, "copy what is at "+path, nsenter.OpenTree, nsenter.Val(regTarget), nsenter.Str(""),
		nsenter.Flags(&nsenter.OpenTreeFlags, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_EMPTY_PATH|unix.AT_RECURSIVE)).to(regTree)
	modern := c.host.Has(host.MountSetattr)
	if modern {
		c.setAttr(origin, "make the copy read-only", regTree, unix.MOUNT_ATTR_RDONLY, 0, 0, false)
	}
	c.attach(origin, regTree, regTarget)
	if !modern {
		c.remount(origin, "make it read-only", regTree, unix.MS_RDONLY|c.flagsAt(path))
	}
	c.close(regTree)
	c.close(regTarget)
	c.place(end)
}

// flagsAt returns the flags of the mount that path is in, as far as the config tells: a remount sets them all, and in a user namespace may not
// take away what is locked.
func (c *compiler) flagsAt(path string) (flags uintptr) {
	longest := -1
	for i := range c.spec.Mounts {
		m := &c.spec.Mounts[i]
		if _, ok := below(path, m.Destination); ok && len(m.Destination) > longest {
			longest, flags = len(m.Destination), mountFlags(m.AttrSet)
		}
	}
	return flags
}
