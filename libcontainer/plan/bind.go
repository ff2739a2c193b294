package plan

import (
	"path"
	"slices"

	"golang.org/x/sys/unix"

	"rt/libcontainer/host"
	"rt/nsenter"
	"rt/spec"
)

// bindMounts are the bind mounts of a container.
type bindMounts struct{ mounter }

// compile compiles a bind mount of the host's source. See open_tree(2), mount_setattr(2).
func (c bindMounts) compile(i int, m *spec.Mount) {
	if i < len(c.opt.Links) && c.opt.Links[i] != "" {
		c.copyLink(m, c.opt.Links[i])
		return
	}
	if fd, ok := c.tree(i); ok {
		sentence := "use rt's clone of " + m.Source
		if m.IDMap {
			sentence += ", with its ids mapped"
		}
		c.call(mountPath(m, "source"), sentence, nsenter.Fcntl, nsenter.Num(fd),
			nsenter.Flags(&nsenter.FcntlCommands, unix.F_DUPFD_CLOEXEC), nsenter.Imm(0)).into(regTree)
	} else if c.joins != joinsMount { // else it was cloned before: see cloneAside
		cloneSource(c.compiler, m)
	}
	c.mapIDs(m, regTree)
	if c.mountsInto(i) {
		m = c.fence(m)
	}
	c.holdOpen(i, m)
	source := SourceDir
	if i < len(c.opt.Sources) {
		source = c.opt.Sources[i]
	}
	c.attachClone(m, source)
}

// cloneSource clones the mount at the source of a bind mount, as this process sees it, and stores it in regTree.
func cloneSource(c *compiler, m *spec.Mount) {
	flags := unix.OPEN_TREE_CLONE | unix.OPEN_TREE_CLOEXEC
	if m.Recursive {
		flags |= unix.AT_RECURSIVE
	}
	if m.SourceNoFollow {
		flags |= unix.AT_SYMLINK_NOFOLLOW
	}
	c.call(mountPath(m, "source"), "clone the mount", nsenter.OpenTree, nsenter.Cwd, nsenter.Str(m.Source),
		nsenter.Flags(&nsenter.OpenTreeFlags, flags)).into(regTree)
}

// mountsInto reports whether rt itself mounts something into bind mount i: masks and read-only paths, the terminal.
func (c bindMounts) mountsInto(i int) bool {
	return c.restricts(i) || c.spec.Process != nil && c.spec.Process.Terminal && c.devIsBound() &&
		i == c.mountAt("/dev")
}

// fence adds MS_SLAVE in front of the propagation options of m if the copy of the source would otherwise be a peer
// of the host's mount: what is mounted into it would be mounted on the host too.
func (c bindMounts) fence(m *spec.Mount) *spec.Mount {
	if c.contained() && !slices.ContainsFunc(m.Propagation, func(p uintptr) bool { return p&unix.MS_SHARED != 0 }) {
		return m
	}
	fenced := *m
	fenced.Propagation = append([]uintptr{unix.MS_SLAVE | unix.MS_REC}, m.Propagation...)
	return &fenced
}

// attachClone restricts the copy in regTree, and attaches it.
func (c bindMounts) attachClone(m *spec.Mount, source Source) {
	modern := c.host.Has(host.MountSetattr)
	if modern {
		c.restrictClone(m)
		c.setPropagation(m, regTree)
	}
	c.openMountPointFor(m, source)
	c.attach(mountPath(m, ""), regTree, regTarget)
	if !modern {
		// mount(2) changes only what is attached. No program of the user runs yet.
		c.restrictAttached(m)
		c.setPropagation(m, regTree)
	}
	remounts{c.mounter}.holdOpen(m, regTree)
	c.close(regTree)
	c.close(regTarget)
}

// openMountPointFor finds the mount point, and makes one of the source's kind if it is missing. The kind of a source
// below root.path is known only at this step, since earlier mounts may have brought it: there the clone shows it.
func (c bindMounts) openMountPointFor(m *spec.Mount, source Source) {
	origin := mountPath(m, "destination")
	if source != SourceLater {
		dir := source != SourceFile
		c.openMountPoint(origin, m.Destination, dir, howFor(m, dir))
		return
	}
	file, found := c.newLabel(), c.newLabel()
	c.call(mountPath(m, "source"), "check whether it is a directory", nsenter.Openat, nsenter.Val(regTree),
		nsenter.Str("."),
		nsenter.Flags(&nsenter.OpenFlags,
			unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC)).into(regFile).onErrno(file, unix.ENOTDIR)
	c.close(regFile)
	c.openMountPointThen(origin, m.Destination, true, howFor(m, true), found)
	c.mark(file)
	c.openMountPointThen(origin, m.Destination, false, howFor(m, false), found)
	c.mark(found)
}

// plainFlags are the attributes that a bind mount gets from its options alone, if one of them sets or clears a flag.
// The atime field is not among them: it changes only when it is named.
const plainFlags = unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV | unix.MOUNT_ATTR_NOEXEC

// restrictClone restricts the detached copy of a bind's source.
func (c bindMounts) restrictClone(m *spec.Mount) {
	origin := mountPath(m, "options")
	exact := m.AttrClear
	if m.Flagged && (!c.treesByRT() || c.joins == joinsMount && !c.sourcesLocked()) {
		exact |= plainFlags
		if c.host.Has(host.NoSymfollow) {
			exact |= unix.MOUNT_ATTR_NOSYMFOLLOW
		}
		exact &^= m.AttrSet & (plainFlags | unix.MOUNT_ATTR_NOSYMFOLLOW)
		if m.AttrSet&unix.MOUNT_ATTR_NODIRATIME != 0 {
			exact |= unix.MOUNT_ATTR__ATIME // nodiratime names the field too, for mount(2)
		}
	}
	switch {
	case exact == m.AttrClear || !c.sourcesLocked():
		if m.AttrSet|exact != 0 {
			c.setAttributes(origin, "restrict it", regTree, m.AttrSet, exact, 0, false)
		}
	default:
		locked, end := c.newLabel(), c.newLabel()
		c.setAttributes(origin, "set exactly the flags of its options", regTree, m.AttrSet, exact, 0,
			false).then(end).onErrno(locked, unix.EPERM)
		c.mark(locked)
		c.setAttributes(origin, "add the flags to those of the source, which are locked", regTree,
			m.AttrSet, m.AttrClear, 0, false)
		c.mark(end)
	}
	// The host's /sys has /sys/fs/cgroup below it, which would stay writable in a container that gets /sys by an rbind,
	// as rootless ones do: CVE-2023-25809. Whoever writes "ro" does not expect that.
	if m.Recursive && m.Destination == "/sys" && m.AttrSet&unix.MOUNT_ATTR_RDONLY != 0 {
		c.setAttributes(origin, "restrict it with all mounts below", regTree, m.AttrSet, 0, 0, true)
	}
	if m.RecSet|m.RecClear != 0 {
		c.setAttributes(origin, "restrict it and all mounts below", regTree, m.RecSet, m.RecClear, 0, true)
	}
}

// restrictAttached does the same with mount(2), on kernels before 5.12: the copy is attached.
func (c bindMounts) restrictAttached(m *spec.Mount) {
	if m.AttrSet == 0 && !m.Flagged {
		return
	}
	origin := mountPath(m, "options")
	flags := mountFlags(m.AttrSet) | atimeFlags(m)
	if !c.sourcesLocked() || m.Index >= len(c.opt.SourceFlags) || m.Index < 0 {
		c.setFlags(origin, "set exactly the flags of its options", regTree, flags)
		return
	}
	locked, end := c.newLabel(), c.newLabel()
	c.setFlags(origin, "set exactly the flags of its options", regTree,
		flags).then(end).onErrno(locked, unix.EPERM)
	c.mark(locked)
	source := c.opt.SourceFlags[m.Index] &^ mountFlags(m.AttrClear)
	c.setFlags(origin, "add the flags to those of the source, which are locked", regTree,
		flags|source)
	c.mark(end)
}

// atimeFlags returns the flag of mount(2) for relatime, or 0. As an attribute relatime is no bit, and a remount without
// any atime flag leaves the field alone.
func atimeFlags(m *spec.Mount) uintptr {
	if m.AttrClear&unix.MOUNT_ATTR__ATIME != 0 && m.AttrSet&unix.MOUNT_ATTR__ATIME == 0 {
		return unix.MS_RELATIME
	}
	return 0
}

// sourcesLocked reports whether the sources of bind mounts may have locked flags: those of mounts that came from a more
// privileged mount namespace (mount_namespaces(7)).
func (c *input) sourcesLocked() bool { return c.inUserNamespace() }

// copyLink makes a symbolic link at the destination with the target of the source: the option copy-symlink. An existing
// link is accepted if it has the same target.
func (c bindMounts) copyLink(m *spec.Mount, text string) {
	origin := mountPath(m, "destination")
	parent, name := path.Split(m.Destination)
	dir := c.openDir(origin, path.Clean(parent)[1:])
	exists, end := c.newLabel(), c.newLabel()
	c.call(origin, "make a link like "+m.Source, nsenter.Symlinkat, nsenter.Str(text), nsenter.Val(dir),
		nsenter.Str(name)).then(end).onErrno(exists, unix.EEXIST)
	c.mark(exists)
	c.passToRt(origin, "the parent directory", dir).sync(SyncLink,
		"compare the existing link with "+m.Source).about(m.Destination)
	c.await("wait until rt has compared them")
	c.mark(end)
}
