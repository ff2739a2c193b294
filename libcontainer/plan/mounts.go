package plan

import (
	"strings"

	"golang.org/x/sys/unix"

	"rt/libcontainer/host"
	"rt/nsenter"
	"rt/spec"
)

// mounts compiles config.mounts, in their order (config.md#mounts).
//
// A mount is made whole before it is attached: while it is detached no other process sees it without its restrictions. Only what has to
// be written into (mount points, devices) stays writable until all is made.
func (c *compiler) mounts() error {
	for i := range c.spec.Mounts {
		m := &c.spec.Mounts[i]
		switch {
		case m.Remount:
			if err := c.changeMount(m); err != nil {
				return err
			}
		case m.Bind:
			c.bind(i, m)
		case m.Type == "cgroup" || m.Type == "cgroup2" && c.host.CgroupMode == host.CgroupV2:
			c.cgroup(alone(m))
		case inHouse(m.Type), m.IDMap:
			c.fileSystem(alone(m))
		default:
			c.otherFileSystem(m)
		}
	}
	return nil
}

// alone returns m with its recursive attributes as plain ones: a new file system has no mounts below it.
func alone(m *spec.Mount) *spec.Mount {
	if m.RecSet|m.RecClear == 0 {
		return m
	}
	plain := *m
	plain.AttrSet, plain.AttrClear = m.AttrSet&^m.RecClear|m.RecSet, m.AttrClear&^m.RecSet|m.RecClear
	plain.RecSet, plain.RecClear = 0, 0
	return &plain
}

// howFor says which links the way to a mount point may hold. A procfs or sysfs on a linked name would let a container that shares the
// root file system turn the name elsewhere, and with it what rt hides below it later (CVE-2019-19921, CVE-2023-28642).
func howFor(m *spec.Mount, dir bool) nsenter.Arg {
	switch {
	case m.Type == "proc" || m.Type == "sysfs":
		return howRealDir
	case dir:
		return howDir
	}
	return howPath
}

// attach puts a detached mount on its mount point.
func (c *compiler) attach(origin string, tree, target nsenter.Reg) step {
	return c.do(origin, "attach it", nsenter.MoveMount, nsenter.Val(tree), nsenter.Str(""), nsenter.Val(target), nsenter.Str(""),
		nsenter.Flags(&nsenter.MoveMountFlags, unix.MOVE_MOUNT_F_EMPTY_PATH|unix.MOVE_MOUNT_T_EMPTY_PATH))
}

// bind compiles a bind mount of the host's source. See open_tree(2), mount_setattr(2).
func (c *compiler) bind(i int, m *spec.Mount) {
	flags := unix.OPEN_TREE_CLONE | unix.OPEN_TREE_CLOEXEC
	if m.Recursive {
		flags |= unix.AT_RECURSIVE
	}
	if fd, ok := c.file(func(f *File) bool { return f.Kind == FileTree && f.Index == i }); ok {
		sentence := "take rt's copy of " + m.Source
		if m.IDMap {
			sentence += ", with its ids mapped"
		}
		c.do(mountPath(m, "source"), sentence, nsenter.Fcntl, nsenter.Num(fd),
			nsenter.Flags(&nsenter.FcntlCommands, unix.F_DUPFD_CLOEXEC), nsenter.Imm(0)).to(regTree)
	} else {
		c.do(mountPath(m, "source"), "copy the mount, detached", nsenter.OpenTree, nsenter.Cwd, nsenter.Str(m.Source),
			nsenter.Flags(&nsenter.OpenTreeFlags, flags)).to(regTree)
	}
	c.mapIDs(m, regTree)
	dir := i >= len(c.opt.Sources) || c.opt.Sources[i] != SourceFile
	c.bindAttach(m, dir)
}

// bindAttach restricts the copy in regTree, and attaches it.
func (c *compiler) bindAttach(m *spec.Mount, dir bool) {
	modern := c.host.Has(host.MountSetattr)
	if modern {
		c.bindAttributes(m)
		c.propagate(m, regTree)
	}
	c.target(mountPath(m, "destination"), m.Destination, dir, howFor(m, dir))
	c.attach(mountPath(m, ""), regTree, regTarget)
	if !modern {
		// mount(2) changes only what is attached. No program of the user runs yet.
		if m.AttrSet != 0 {
			c.remount(mountPath(m, "options"), "restrict it", regTree, mountFlags(m.AttrSet))
		}
		c.propagate(m, regTree)
	}
	c.close(regTree)
	c.close(regTarget)
}

// bindAttributes restricts the detached copy of a bind's source.
func (c *compiler) bindAttributes(m *spec.Mount) {
	origin := mountPath(m, "options")
	if m.RecSet != 0 || m.RecClear != 0 {
		c.setAttr(origin, "restrict it and all mounts below", regTree, m.RecSet, m.RecClear, 0, true)
	}
	if m.AttrSet == 0 && m.AttrClear == 0 {
		return
	}
	// The host's /sys has /sys/fs/cgroup below it, which would stay writable in a container that gets /sys by an rbind, as
	// rootless ones do: CVE-2023-25809. Nobody means that by "ro".
	sys := m.Recursive && m.Destination == "/sys" && m.AttrSet&unix.MOUNT_ATTR_RDONLY != 0
	c.setAttr(origin, "restrict it", regTree, m.AttrSet, m.AttrClear, 0, sys)
}

// otherFileSystem compiles a mount of a type that rt knows nothing about: by mount(2), which hands the options over as one string.
// It is mounted on ".", the mount point in hand.
func (c *compiler) otherFileSystem(m *spec.Mount) {
	origin := mountPath(m, "")
	c.target(mountPath(m, "destination"), m.Destination, true, howDir)
	c.enter(mountPath(m, "destination"), regTarget)
	data := nsenter.Null
	if text := c.labelled(m.Data); text != "" {
		data = nsenter.Str(text)
	}
	c.do(origin, "mount "+m.Type+" at "+m.Destination, nsenter.Mount, nsenter.Str(m.Source), nsenter.Str("."), nsenter.Str(m.Type),
		nsenter.Flags(&nsenter.MountFlags, m.Flags), data)
	c.close(regTarget)
	if len(m.Propagation) > 0 || m.RecSet|m.RecClear != 0 {
		c.open(origin, "find what was mounted", regRoot, m.Destination, howDir).to(regTree)
		if m.RecSet|m.RecClear != 0 {
			c.setAttr(mountPath(m, "options"), "restrict it", regTree, m.RecSet, m.RecClear, 0, true)
		}
		c.propagate(m, regTree)
		c.close(regTree)
	}
}

// labelled adds linux.mountLabel to the options of a file system. A label has commas in it, hence the quotes (mount(8), SELinux contexts).
func (c *compiler) labelled(data string) string {
	if c.spec.MountLabel == "" {
		return data
	}
	if data != "" {
		data += ","
	}
	return data + `context="` + c.spec.MountLabel + `"`
}

// below reports whether path is dir or in it, and returns the rest.
func below(path, dir string) (string, bool) {
	rest, ok := strings.CutPrefix(path, dir)
	if !ok || rest != "" && rest[0] != '/' {
		return "", false
	}
	return rest, true
}
