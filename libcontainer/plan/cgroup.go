package plan

import (
	"golang.org/x/sys/unix"

	"rt/libcontainer/host"
	"rt/nsenter"
	"rt/spec"
)

// cgroupMounts are the mounts of type cgroup.
type cgroupMounts struct{ mounter }

// HostCgroup2 is where the host has cgroup v2.
const HostCgroup2 = "/sys/fs/cgroup"

// compile compiles a mount of type cgroup: the view that the container has of its own cgroups (cgroups(7),
// cgroup_namespaces(7)).
//
// On v2 this is the one file system. On v1 it is a tmpfs with a directory for each hierarchy, as the host has it.
func (c cgroupMounts) compile(m *spec.Mount) {
	if c.host.CgroupMode == host.CgroupV2 {
		c.compileV2(m)
		return
	}
	c.compileV1(m)
}

// compileV2 mounts the file system, or binds the container's part of the host's where a new mount is refused: EPERM in
// a user namespace, EBUSY where the cgroup is not delegated.
//
// Without a cgroup namespace of its own the container sees the host's tree either way, and there rt always binds. A new
// mount from the first cgroup namespace would set the options of the whole machine's file system, so that nsdelegate
// and memory_recursiveprot, which systemd sets, would be lost for everyone (cgroup_get_tree in the kernel's cgroup.c).
// It also waits for an RCU grace period.
func (c cgroupMounts) compileV2(m *spec.Mount) {
	if !c.spec.Namespaces.Has(unix.CLONE_NEWCGROUP) {
		c.bindV2(m, HostCgroup2, "clone the host's cgroup2: the container has no cgroup namespace")
		return
	}
	origin := mountPath(m, "")
	bind, end := c.newLabel(), c.newLabel()
	c.call(mountPath(m, "type"), "configure a new cgroup2 for "+m.Destination, nsenter.Fsopen, nsenter.Str("cgroup2"),
		nsenter.Flags(&nsenter.FsopenFlags, unix.FSOPEN_CLOEXEC)).into(regFS).onErrno(bind, unix.EPERM)
	c.fsconfig(origin, "create the file system", unix.FSCONFIG_CMD_CREATE, "", "").onErrno(bind, unix.EPERM, unix.EBUSY)
	c.call(mountPath(m, "options"), "create a detached mount", nsenter.Fsmount, nsenter.Val(regFS),
		nsenter.Flags(&nsenter.FsmountFlags, unix.FSMOUNT_CLOEXEC), nsenter.Flags(&nsenter.MountAttrs,
			m.AttrSet)).into(regTree).onErrno(bind, unix.EPERM)
	c.attachDirectory(m, origin)
	remounts{c.mounter}.holdOpen(m, regTree)
	c.lastStep().then(end)

	c.mark(bind)
	source := HostCgroup2
	if len(c.host.Hierarchies) > 0 {
		source = c.host.Hierarchies[0].Path
	}
	c.bindV2(m, source, "fall back to the host's cgroup2")
	c.mark(end)
}

// bindV2 binds the host's directory source, with the mounts below it, which can't be left out in a user namespace.
func (c cgroupMounts) bindV2(m *spec.Mount, source, sentence string) {
	if c.host.Has(host.MountSetattr) {
		whole := *m // as a new mount, which has nothing below it, would be restricted as a whole
		whole.RecSet, whole.RecClear, whole.AttrSet, whole.AttrClear = m.RecSet|m.AttrSet, m.RecClear|m.AttrClear, 0, 0
		m = &whole
	}
	c.call(mountPath(m, ""), sentence, nsenter.OpenTree, nsenter.Cwd, nsenter.Str(source),
		nsenter.Flags(&nsenter.OpenTreeFlags,
			unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_RECURSIVE)).into(regTree)
	bindMounts{c.mounter}.attachClone(m, SourceDir)
}

// compileV1 builds the directory of hierarchies, and makes it read-only when it is complete. A cgroup2 that the host
// has next to them is not shown, as in the other runtimes: systemd manages a machine's cgroup2 if there is one, and
// does not start if it may not write there.
func (c cgroupMounts) compileV1(m *spec.Mount) {
	origin := mountPath(m, "")
	directory := *m
	directory.Type, directory.Source, directory.Data = "tmpfs", "tmpfs", "mode=755"
	directory.AttrSet |= unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV | unix.MOUNT_ATTR_NOEXEC
	fileSystems{c.mounter}.configure(&directory)
	tree, readonlyLater := fileSystems{c.mounter}.chooseRegister(&directory)
	if tree == regTree {
		// The hierarchies need regTree; the terminal comes later.
		tree = regMaster
	}
	c.call(mountPath(m, "options"), "create a detached mount", nsenter.Fsmount, nsenter.Val(regFS),
		nsenter.Flags(&nsenter.FsmountFlags, unix.FSMOUNT_CLOEXEC),
		nsenter.Flags(&nsenter.MountAttrs, directory.AttrSet&^unix.MOUNT_ATTR_RDONLY)).into(tree)
	c.openMountPoint(mountPath(m, "destination"), m.Destination, true, howDir)
	c.attach(origin, tree, regTarget)
	for i := range c.host.Hierarchies {
		if h := &c.host.Hierarchies[i]; !h.V2 {
			c.compileHierarchy(m, h, tree)
		}
	}
	if m.AttrSet&unix.MOUNT_ATTR_RDONLY != 0 && !readonlyLater {
		c.setReadonly(mountPath(m, "options"), "make it read-only", tree, mountFlags(directory.AttrSet))
	}
	// rprivate is about the hierarchies too, which are slaves of the host's if they are copies.
	c.setPropagation(m, tree)
	remounts{c.mounter}.holdOpen(m, tree)
}

// compileHierarchy mounts one cgroup hierarchy on the directory in dir.
func (c cgroupMounts) compileHierarchy(m *spec.Mount, h *host.Hierarchy, dir nsenter.Reg) {
	origin := mountPath(m, "")
	c.call(origin, "make a directory for the hierarchy", nsenter.Mkdirat, nsenter.Val(dir), nsenter.Str(h.Name),
		nsenter.Flags(&nsenter.Octal, 0o755)).
		ignore(unix.EEXIST)
	c.open(origin, "open it", dir, h.Name, howRealDir).into(regTarget)
	for _, link := range h.Links {
		c.call(origin, "make the symbolic link "+link+" to it", nsenter.Symlinkat, nsenter.Str(h.Name),
			nsenter.Val(dir), nsenter.Str(link)).ignore(unix.EEXIST)
	}
	copied := *m
	copied.Propagation = nil
	// One that was joined belongs to another user namespace than one that is new, which allows no new mount of it.
	foreign := JoinsCgroupFirst(c.spec, c.host) && c.spec.Namespaces.New&unix.CLONE_NEWUSER != 0
	if c.spec.Namespaces.Has(unix.CLONE_NEWCGROUP) && !foreign {
		copied.Type, copied.Source, copied.Data, copied.SuperFlags = "cgroup", "cgroup", h.Controllers, 0
		fileSystems{c.mounter}.configure(&copied)
		c.call(origin, "create a detached mount", nsenter.Fsmount, nsenter.Val(regFS),
			nsenter.Flags(&nsenter.FsmountFlags, unix.FSMOUNT_CLOEXEC),
			nsenter.Flags(&nsenter.MountAttrs, m.AttrSet)).into(regTree)
		c.attach(origin, regTree, regTarget)
		return
	}
	c.call(origin, "clone the container's directory of the hierarchy", nsenter.OpenTree, nsenter.Cwd,
		nsenter.Str(h.Path),
		nsenter.Flags(&nsenter.OpenTreeFlags, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)).into(regTree)
	if c.host.Has(host.MountSetattr) && m.AttrSet != 0 {
		c.setAttributes(mountPath(m, "options"), "restrict it", regTree, m.AttrSet, 0, 0, false)
	}
	c.attach(origin, regTree, regTarget)
	if !c.host.Has(host.MountSetattr) && m.AttrSet != 0 {
		c.setFlags(mountPath(m, "options"), "restrict it", regTree, mountFlags(m.AttrSet))
	}
}
