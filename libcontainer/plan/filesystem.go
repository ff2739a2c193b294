package plan

import (
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"rt/libcontainer/host"
	"rt/nsenter"
	"rt/spec"
)

// fileSystems are the mounts of the kernel's own file systems.
type fileSystems struct{ mounter }

// The kernel's own file systems are mounted with fsopen(2), fsconfig(2), fsmount(2). Every option is a step, so that an
// error names the option that was refused. The mount has a descriptor before it is attached, so that what is made in it
// (devices) or masked in it can't be redirected by a name that changes meanwhile.

// usesFsopen reports whether file systems of a type are mounted with fsopen(2).
func usesFsopen(kind string) bool {
	switch kind {
	case "proc", "sysfs", "tmpfs", "devpts", "mqueue", "ramfs":
		return true
	}
	return false
}

// superWords are the options of the super block that mount(2) has flags for, with their names for fsconfig(2).
var superWords = [...]struct {
	flag uintptr
	word string
}{
	{unix.MS_SYNCHRONOUS, "sync"},
	{unix.MS_DIRSYNC, "dirsync"},
	{unix.MS_LAZYTIME, "lazytime"},
	{unix.MS_MANDLOCK, "mand"},
}

// compile compiles a mount of one of the kernel's own file systems.
func (c fileSystems) compile(m *spec.Mount) {
	origin := mountPath(m, "")
	open, create := c.configure(m)
	attrs := m.AttrSet
	tree, readonlyLater := c.chooseRegister(m)
	fills := m.TmpCopyUp || c.modeLater(m)
	if readonlyLater || fills {
		attrs &^= unix.MOUNT_ATTR_RDONLY
	}
	mount := c.call(mountPath(m, "options"), "create a detached mount", nsenter.Fsmount, nsenter.Val(regFS),
		nsenter.Flags(&nsenter.FsmountFlags, unix.FSMOUNT_CLOEXEC), nsenter.Flags(&nsenter.MountAttrs,
			attrs)).into(tree)
	fallback := c.newLabel()
	stand, bindInstead := c.standIn(m)
	if bindInstead {
		// Which of these calls fails depends on the reason: a namespace that is not the container's, or a /proc or /sys
		// that is partly covered.
		for _, s := range [...]step{open, create, mount} {
			s.onErrno(fallback, unix.EPERM)
		}
	}
	c.close(regFS)
	if m.Type == "mqueue" && c.spec.MountLabel != "" {
		c.labelRoot(tree)
	}
	modern := c.host.Has(host.MountSetattr)
	if modern {
		c.setPropagation(m, tree)
	}
	if fills {
		c.copyUp(m, tree)
	} else {
		c.openMountPoint(mountPath(m, "destination"), m.Destination, true, howFor(m, true))
	}
	c.mapIDs(m, tree)
	attach := c.attach(origin, tree, regTarget)
	if !modern {
		c.setPropagation(m, tree) // mount(2) changes only what is attached
	}
	if fills && m.AttrSet&unix.MOUNT_ATTR_RDONLY != 0 && !readonlyLater {
		c.setReadonly(mountPath(m, "options"), "make it read-only: it is complete", tree, mountFlags(m.AttrSet))
	}
	if bindInstead {
		end := c.newLabel()
		attach.then(end)
		c.mark(fallback)
		c.bindHost(m, stand, tree)
		c.mark(end)
	}
	remounts{c.mounter}.holdOpen(m, tree)
	c.close(regTarget)
	if tree == regTree {
		c.close(regTree)
	}
}

// modeLater reports whether rt reads the mode of the directory that the tmpfs covers only at this step.
func (c fileSystems) modeLater(m *spec.Mount) bool {
	return m.Index >= 0 && m.Index < len(c.opt.ModesLater) && c.opt.ModesLater[m.Index]
}

// chooseRegister returns the register for the mount that m becomes. A mount that is needed again has one of its own:
// /dev, for the devices; proc and sysfs, for masked paths; and mounts that become read-only once all mount points in
// them are made.
func (c fileSystems) chooseRegister(m *spec.Mount) (tree nsenter.Reg, readonlyLater bool) {
	readonlyLater = m.Type == "tmpfs" && m.AttrSet&unix.MOUNT_ATTR_RDONLY != 0 && c.joins != joinsMount
	hides := c.restricts(m.Index)
	switch {
	case m.Destination == "/dev":
		tree, c.opened.dev = regDev, m.Index
	case readonlyLater || hides:
		var ok bool
		if tree, ok = c.reserveRegister(hides); !ok {
			// More mounts than registers: this one becomes read-only before anything can be made in it.
			return regTree, false
		}
	default:
		return regTree, false
	}
	mount := openMount{m.Index, m.Destination, mountPath(m, "options"), tree, mountFlags(m.AttrSet)}
	if readonlyLater {
		c.opened.readonly = append(c.opened.readonly, mount)
	}
	if hides {
		c.opened.restricted = append(c.opened.restricted, mount)
	}
	return tree, readonlyLater
}

// configure creates a file system with the options of m, for which fsmount(2) can then be called on regFS. It returns
// the first and the last step.
func (c fileSystems) configure(m *spec.Mount) (open, create step) {
	open = c.call(mountPath(m, "type"), "configure a new "+m.Type+" for "+m.Destination, nsenter.Fsopen,
		nsenter.Str(m.Type),
		nsenter.Flags(&nsenter.FsopenFlags, unix.FSOPEN_CLOEXEC)).into(regFS)
	if m.Source != "" {
		c.fsconfig(mountPath(m, "source"), "set its source", unix.FSCONFIG_SET_STRING, "source", m.Source)
	}
	c.setOptions(m)
	c.setProperties(m)
	create = c.fsconfig(mountPath(m, ""), "create the file system", unix.FSCONFIG_CMD_CREATE, "", "")
	return open, create
}

// setOptions sets the options of the file system in regFS: mounts[].options without those of the mount.
func (c fileSystems) setOptions(m *spec.Mount) {
	origin := mountPath(m, "options")
	for _, w := range superWords {
		if m.SuperFlags&w.flag != 0 {
			c.fsconfig(origin, "set the option "+w.word, unix.FSCONFIG_SET_FLAG, w.word, "")
		}
	}
	for data := m.Data; data != ""; {
		var option string
		option, data, _ = strings.Cut(data, ",")
		if key, value, ok := strings.Cut(option, "="); ok {
			c.fsconfig(origin, "set the option "+option, unix.FSCONFIG_SET_STRING, key, value)
		} else if option != "" {
			c.fsconfig(origin, "set the option "+option, unix.FSCONFIG_SET_FLAG, option, "")
		}
	}
}

// setProperties sets properties of the file system in regFS that no option of the config asks for: the pid namespace of
// a procfs, the read-only super block of a sysfs, the mode and label of the root directory.
func (c fileSystems) setProperties(m *spec.Mount) {
	origin := mountPath(m, "options")
	if m.Type == "proc" {
		c.setPidNamespace(mountPath(m, "type"))
	}
	if m.Type == "sysfs" && m.AttrSet&unix.MOUNT_ATTR_RDONLY != 0 {
		// As mount(2) does, and so runc and crun: later mounts in this network namespace have the same super block. It
		// restricts no user namespace below, where the flag of the mount is locked (mount_namespaces(7)).
		c.fsconfig(origin, "make the file system itself read-only", unix.FSCONFIG_SET_FLAG, "ro", "")
	}
	if i := m.Index; i < len(c.opt.Modes) && c.opt.Modes[i] != 0 {
		c.fsconfig(origin, "set its mode to that of the mount point", unix.FSCONFIG_SET_STRING, "mode",
			strconv.FormatUint(uint64(c.opt.Modes[i]&0o7777), 8))
	}
	if c.spec.MountLabel != "" && takesContext(m.Type) {
		c.fsconfig("linux.mountLabel", "set the label of its files", unix.FSCONFIG_SET_STRING, c.contextOption(),
			c.spec.MountLabel)
	}
}

// labelRoot gives linux.mountLabel to the root directory of a file system that exists before it is mounted, and thus
// accepts no option for it: the message queues of an ipc namespace.
func (c fileSystems) labelRoot(tree nsenter.Reg) {
	const origin = "linux.mountLabel"
	label := c.spec.MountLabel
	c.call(origin, "open its root directory", nsenter.Openat, nsenter.Val(tree), nsenter.Str("."),
		nsenter.Flags(&nsenter.OpenFlags, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC)).into(regFile)
	c.call(origin, "set its label", nsenter.Fsetxattr, nsenter.Val(regFile), nsenter.Str("security.selinux"),
		nsenter.Str(label), nsenter.Imm(len(label)+1), nsenter.Imm(0)).
		ignore(unix.EOPNOTSUPP)
	c.close(regFile)
}

// takesContext reports whether SELinux labels a file system of its own by the mount option context= (selinux(8),
// mount(8)). proc and sysfs have labels by the policy.
func takesContext(kind string) bool { return kind == "tmpfs" || kind == "devpts" }
