package plan

import (
	selinux "github.com/opencontainers/selinux/go-selinux/label"
	"golang.org/x/sys/unix"

	"rt/internal/sys"
	"rt/libcontainer/host"
	"rt/nsenter"
	"rt/spec"
)

// mounts are the entries of mounts in config.json.
type mounts struct{ mounter }

// compile compiles config.mounts, in their order (config.md#mounts).
//
// A mount is made whole before it is attached: while it is detached no other process sees it without its restrictions.
// Only mounts in which something is created (mount points, devices) stay writable until everything is made.
func (c mounts) compile() error {
	c.mounted = make(sys.Latest, len(c.spec.Mounts))
	for i := range c.spec.Mounts {
		m := &c.spec.Mounts[i]
		switch {
		case m.Remount:
			if err := (remounts{c.mounter}).compile(m); err != nil {
				return err
			}
		case m.Bind:
			bindMounts{c.mounter}.compile(i, m)
		case m.Type == "cgroup" || m.Type == "cgroup2" && c.host.CgroupMode == host.CgroupV2:
			cgroupMounts{c.mounter}.compile(flattenAttributes(m))
		case usesFsopen(m.Type), m.IDMap:
			fileSystems{c.mounter}.compile(flattenAttributes(m))
		default:
			c.compileOther(m)
		}
		c.mounted.Add(m.Destination, i)
	}
	return nil
}

// flattenAttributes returns m with its recursive attributes as plain ones: a new file system has no mounts below it.
func flattenAttributes(m *spec.Mount) *spec.Mount {
	if m.RecSet|m.RecClear == 0 {
		return m
	}
	plain := *m
	plain.AttrSet, plain.AttrClear = m.AttrSet&^m.RecClear|m.RecSet, m.AttrClear&^m.RecSet|m.RecClear
	plain.RecSet, plain.RecClear = 0, 0
	return &plain
}

// howFor returns how the path of a mount point is resolved. A procfs or sysfs on a linked name would let a container
// that shares the root file system redirect the name, and with it the masks that rt attaches below it later
// (CVE-2019-19921, CVE-2023-28642).
func howFor(m *spec.Mount, dir bool) nsenter.Arg {
	switch {
	case dir && isKernelTree(m):
		return howRealDir
	case m.DestNoFollow:
		return howNotLast
	case dir:
		return howDir
	}
	return howPath
}

// compileOther compiles a mount of a type that rt knows nothing about: with mount(2), whose options are one string. It
// is mounted on ".", the mount point, which is open.
func (c mounts) compileOther(m *spec.Mount) {
	if len(m.Propagation) > 0 || m.RecSet|m.RecClear != 0 || (remounts{c.mounter}).isChangedLater(m) {
		c.compileAside(m)
		return
	}
	c.openMountPoint(mountPath(m, "destination"), m.Destination, true, howDir)
	c.enter(mountPath(m, "destination"), regTarget)
	c.mountOther(m, ".")
	c.close(regTarget)
}

// mountOther mounts the file system at a path that can't be redirected.
func (c mounts) mountOther(m *spec.Mount, at string) {
	data := nsenter.Null
	if text := c.addLabel(m.Data); text != "" {
		data = nsenter.Str(text)
	}
	c.call(mountPath(m, ""), "mount the "+m.Type+" of "+m.Destination, nsenter.Mount, nsenter.Str(m.Source),
		nsenter.Str(at), nsenter.Str(m.Type),
		nsenter.Flags(&nsenter.MountFlags, m.Flags), data)
}

// compileAside does the same as compileOther for a mount that is changed later. mount(2) returns no descriptor of the
// new mount, and a second look-up of the mount point could find another file, if a container that shares the root file
// system renames files meanwhile. So the file system is mounted on a tmpfs that no other process sees, opened there,
// restricted, and then moved to its mount point.
func (c mounts) compileAside(m *spec.Mount) {
	const name = "mount"
	origin := mountPath(m, "")
	c.call(origin, "configure a temporary tmpfs to mount it on", nsenter.Fsopen, nsenter.Str("tmpfs"),
		nsenter.Flags(&nsenter.FsopenFlags, unix.FSOPEN_CLOEXEC)).into(regFS)
	c.fsconfig(origin, "create the file system", unix.FSCONFIG_CMD_CREATE, "", "")
	c.call(origin, "create a detached mount", nsenter.Fsmount, nsenter.Val(regFS),
		nsenter.Flags(&nsenter.FsmountFlags, unix.FSMOUNT_CLOEXEC), nsenter.Imm(0)).into(regLayer)
	layers{c.mounter}.attachAside(origin)
	c.call(origin, "make a mount point", nsenter.Mkdirat, nsenter.Val(regLayer), nsenter.Str(name),
		nsenter.Flags(&nsenter.Octal, 0o700))
	c.mountOther(m, name)
	c.call(origin, "open what was mounted", nsenter.Openat2, nsenter.Val(regLayer), nsenter.Str(name), howMounted,
		nsenter.Imm(sizeofOpenHow)).into(regTree)
	if m.RecSet|m.RecClear != 0 {
		c.setAttributes(mountPath(m, "options"), "restrict it", regTree, m.RecSet, m.RecClear, 0, true)
	}
	c.attachDirectory(m, origin)
	c.enter(origin, regLayer)
	c.call(origin, "unmount the temporary tmpfs", nsenter.Umount2, nsenter.Str("."),
		nsenter.Flags(&nsenter.UmountFlags, unix.MNT_DETACH))
	remounts{c.mounter}.holdOpen(m, regTree)
	for _, r := range [...]nsenter.Reg{regFS, regLayer, regTree, regTarget} {
		c.close(r)
	}
}

// addLabel adds linux.mountLabel to the options of a file system: in quotes, since a label has commas in it (mount(8),
// SELinux contexts).
func (c mounts) addLabel(data string) string {
	return selinux.FormatMountLabelByType(data, c.spec.MountLabel, c.contextOption())
}
