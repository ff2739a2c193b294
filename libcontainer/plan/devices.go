package plan

import (
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/internal/sys"
	"rt/libcontainer/host"
	"rt/nsenter"
	"rt/spec"
)

// Node is what the host has at the path of a device of the config.
type Node uint8

// The kinds of nodes of the host.
const (
	NodeSame   Node = iota // that device
	NodeUnlike             // that device, with another mode or owner than linux.devices gives it
	NodeAbsent             // nothing, or another file
)

// devices are the content of /dev.
type devices struct{ mounter }

// defaultDevices are those that every container has (config-linux.md#default-devices). /dev/console is the terminal's,
// /dev/ptmx a link.
var defaultDevices = [...]spec.Device{
	{Index: -1, Path: "/dev/null", Mode: unix.S_IFCHR | 0o666, Major: 1, Minor: 3},
	{Index: -1, Path: "/dev/zero", Mode: unix.S_IFCHR | 0o666, Major: 1, Minor: 5},
	{Index: -1, Path: "/dev/full", Mode: unix.S_IFCHR | 0o666, Major: 1, Minor: 7},
	{Index: -1, Path: "/dev/random", Mode: unix.S_IFCHR | 0o666, Major: 1, Minor: 8},
	{Index: -1, Path: "/dev/urandom", Mode: unix.S_IFCHR | 0o666, Major: 1, Minor: 9},
	{Index: -1, Path: "/dev/tty", Mode: unix.S_IFCHR | 0o666, Major: 5, Minor: 0},
}

// deviceLinks are the symbolic links in /dev (runtime-linux.md#dev-symbolic-links).
var deviceLinks = [...]struct{ name, target string }{
	{"fd", "/proc/self/fd"},
	{"stdin", "/proc/self/fd/0"},
	{"stdout", "/proc/self/fd/1"},
	{"stderr", "/proc/self/fd/2"},
	{"ptmx", "pts/ptmx"},
}

// mountAt returns the index of the last mount of the config at path, or -1.
func (c *input) mountAt(path string) int {
	for i := len(c.spec.Mounts) - 1; i >= 0; i-- {
		if m := &c.spec.Mounts[i]; m.Destination == path && !m.Remount {
			return i
		}
	}
	return -1
}

// devIsBound reports whether /dev is a bind mount of the config. Then its content is the user's, and rt creates nothing
// in it.
func (c *input) devIsBound() bool {
	i := c.mountAt("/dev")
	return i >= 0 && c.spec.Mounts[i].Bind
}

// compile compiles /dev.
func (c devices) compile() error {
	if !c.hasMountNamespace() || c.devIsBound() {
		return nil
	}
	if i := c.mountAt("/dev"); i < 0 || i != c.opened.dev {
		c.openMountPoint("", "/dev", true, howDir)
		c.call("", "keep a descriptor of /dev", nsenter.Fcntl, nsenter.Val(regTarget),
			nsenter.Flags(&nsenter.FcntlCommands, unix.F_DUPFD_CLOEXEC), nsenter.Imm(0)).into(regDev)
	}
	for i := range defaultDevices {
		// A mount of the config at its path replaces it.
		if d := &defaultDevices[i]; !c.isOverridden(d.Path) && c.mountAt(d.Path) < 0 {
			if err := c.compileDevice(d); err != nil {
				return err
			}
		}
	}
	for i := range c.spec.Devices {
		// Engines list all that the host has for a privileged container. /dev/ptmx of the host leads to the host's
		// terminals or, bound, nowhere.
		if d := &c.spec.Devices[i]; d.Path != "/dev/ptmx" {
			if err := c.compileDevice(d); err != nil {
				return err
			}
		}
	}
	for _, l := range deviceLinks {
		c.makeLink(l.name, l.target)
	}
	if c.opt.Kcore {
		c.makeLink("core", "/proc/kcore")
	}
	return nil
}

// BoundDevices returns the devices that may be bind mounts of those of the host instead of new nodes: all but FIFOs.
func BoundDevices(s *spec.Spec) (list []spec.Device) {
	for i := range defaultDevices {
		if d := &defaultDevices[i]; !slices.ContainsFunc(s.Devices,
			func(o spec.Device) bool { return o.Path == d.Path }) {
			list = append(list, *d)
		}
	}
	for i := range s.Devices {
		if d := &s.Devices[i]; d.Mode&unix.S_IFMT != unix.S_IFIFO && d.Path != "/dev/ptmx" {
			list = append(list, *d)
		}
	}
	return list
}

// makeLink makes a symbolic link in /dev.
func (c devices) makeLink(name, target string) {
	c.call("", "make the symbolic link /dev/"+name, nsenter.Symlinkat, nsenter.Str(target), nsenter.Val(regDev),
		nsenter.Str(name)).ignore(unix.EEXIST)
}

// isOverridden reports whether linux.devices has a device with this path.
func (c devices) isOverridden(path string) bool {
	for i := range c.spec.Devices {
		if c.spec.Devices[i].Path == path {
			return true
		}
	}
	return false
}

// compileDevice makes one device node. Where that is refused it binds the host's device of the same path, or a node
// that rt has made: in a user namespace always, elsewhere without CAP_MKNOD or under the device rules of a cgroup.
func (c devices) compileDevice(d *spec.Device) error {
	origin := deviceField(d)
	dir, name := c.openParent(origin, d.Path)
	if c.mountAt(d.Path) >= 0 {
		c.open(origin, "open what is mounted there", dir, name, howNoLink).into(regTarget)
		c.checkNode(origin, d)
		return nil
	}
	fifo := d.Mode&unix.S_IFMT == unix.S_IFIFO
	bindable := !fifo && (c.opt.Nodes[d.Path] != NodeAbsent || c.devicesByRT())
	if !fifo && c.inUserNamespace() {
		if !bindable {
			return notOnHost(origin, d)
		}
		c.bindNode(origin, d, dir, name)
		return nil
	}
	refused, bind, end := c.newLabel(), c.newLabel(), c.newLabel()
	made := c.makeNode(origin, d, dir, name)
	if d.UID != 0 || d.GID != 0 {
		c.call(origin, "set its owner", nsenter.Fchownat, nsenter.Val(dir), nsenter.Str(name), nsenter.Imm(d.UID),
			nsenter.Imm(d.GID),
			nsenter.Flags(&nsenter.AtFlags, unix.AT_SYMLINK_NOFOLLOW)).then(end)
	} else {
		made.then(end)
	}
	switch {
	case d.Index >= 0 && c.mayExist(d):
		// An existing file must be the device.
		made.onErrno(refused, unix.EEXIST, unix.EPERM)
		c.mark(refused)
		c.open(origin, "open the existing file", dir, name, howNoLink).into(regTarget).onErrno(bind, unix.ENOENT)
		c.checkNode(origin, d).then(end)
	case d.Index >= 0:
		made.onErrno(bind, unix.EPERM)
	default:
		// A file of the image at the path of a default device is covered by the device.
		made.onErrno(bind, unix.EPERM, unix.EEXIST)
	}
	c.mark(bind)
	if bindable {
		c.bindNode(origin, d, dir, name)
	} else {
		c.makeNode(origin, d, dir, name) // there is nothing to bind: that is the error
	}
	c.mark(end)
	return nil
}

// makeNode appends the mknodat(2) of a device.
func (c devices) makeNode(origin string, d *spec.Device, dir nsenter.Reg, name string) step {
	return c.call(origin, "make "+d.Path+", "+DeviceText(d), nsenter.Mknodat, nsenter.Val(dir), nsenter.Str(name),
		nsenter.Flags(&nsenter.FileModes, d.Mode), nsenter.Imm(unix.Mkdev(d.Major, d.Minor)))
}

// mayExist reports whether a file may exist at the path of a device before it is made: anywhere but in a tmpfs that the
// container has at /dev.
func (c devices) mayExist(d *spec.Device) bool {
	i := c.mountAt("/dev")
	if i < 0 || c.spec.Mounts[i].Type != "tmpfs" || c.spec.Mounts[i].TmpCopyUp {
		return true
	}
	name, ok := sys.Below(d.Path, "/dev")
	return !ok || strings.Contains(name, "/") || c.mountAt(d.Path) >= 0
}

// checkNode has rt check that the existing node in regTarget is device d, and give it the mode and owner of d. A node
// in a bind mount is the user's, perhaps the host's own, and keeps both.
func (c devices) checkNode(origin string, d *spec.Device) step {
	c.passToRt(origin, "the existing file", regTarget).sync(SyncDevice, "check that it is "+DeviceText(d))
	last := c.await("wait until rt has checked it")
	for i := len(c.spec.Mounts) - 1; i >= 0; i-- {
		m := &c.spec.Mounts[i]
		if _, ok := sys.Below(d.Path, m.Destination); !ok || m.Remount {
			continue
		}
		if m.Bind {
			return last
		}
		break
	}
	c.call(origin, "set its owner", nsenter.Fchownat, nsenter.Val(regTarget), nsenter.Str(""), nsenter.Imm(d.UID),
		nsenter.Imm(d.GID),
		nsenter.Flags(&nsenter.AtFlags, unix.AT_EMPTY_PATH))
	return c.call(origin, "set its mode", nsenter.Fchmodat, nsenter.Cwd,
		nsenter.Str("/proc/self/fd/"+strconv.Itoa(c.plan.Number(c.spareFD("the existing file")))),
		nsenter.Flags(&nsenter.Octal, d.Mode&0o7777))
}

// DeviceText describes d: "the character device 1:3".
func DeviceText(d *spec.Device) string {
	kind := "character"
	switch d.Mode & unix.S_IFMT {
	case unix.S_IFIFO:
		return "a FIFO"
	case unix.S_IFBLK:
		kind = "block"
	}
	return "the " + kind + " device " + strconv.Itoa(int(d.Major)) + ":" + strconv.Itoa(int(d.Minor))
}

// notOnHost returns the error for a device that could only be bound, and does not exist on the host.
func notOnHost(origin string, d *spec.Device) error {
	e := &diag.Error{
		Kind: diag.Host, Value: d.Path,
		Problem: "can only be bound in a user namespace, and is not " + DeviceText(d) +
			" on the host: no other name of it is tried",
	}
	if origin != "" {
		e.Field = origin + ".path"
	}
	return e
}

// devicesByRT reports whether rt itself makes the devices of a container with a user namespace that the host has not,
// or not alike, at their paths. The kernel lets only a process of the initial user namespace make device nodes:
// mknod(2).
func (c *input) devicesByRT() bool {
	return c.treesByRT() && c.joins == joinsNone && !c.host.UserNS && !c.devIsBound()
}

// listNodes adds the device nodes that rt makes to the files of the plan.
func (c devices) listNodes(add func(name string, f File)) {
	n := 0
	for _, d := range BoundDevices(c.spec) {
		if c.opt.Nodes[d.Path] != NodeSame && c.mountAt(d.Path) < 0 {
			add("device"+strconv.Itoa(n), File{Kind: FileDevice, Path: d.Path, Index: d.Index, Origin: deviceField(&d)})
			n++
		}
	}
}

// deviceField returns the field of the config that lists d; "" for one that every container has.
func deviceField(d *spec.Device) string {
	if d.Index < 0 {
		return ""
	}
	return "linux.devices[" + strconv.Itoa(d.Index) + "]"
}

// NodeFor returns the device of the config, or the one that every container has, for which rt makes the node f.
func NodeFor(s *spec.Spec, f *File) spec.Device {
	list := BoundDevices(s)
	return list[slices.IndexFunc(list, func(d spec.Device) bool { return d.Index == f.Index && d.Path == f.Path })]
}

// bindNode covers an empty file with the host's device of the same path, which rt has checked, or with a node that rt
// has made. The mount is read-only: the device can be used, and the host's inode can't be changed.
func (c devices) bindNode(origin string, d *spec.Device, dir nsenter.Reg, name string) {
	c.call(origin, "make a file for "+d.Path, nsenter.Mknodat, nsenter.Val(dir), nsenter.Str(name),
		nsenter.Flags(&nsenter.FileModes, unix.S_IFREG|0o666), nsenter.Imm(0)).ignore(unix.EEXIST)
	c.open(origin, "open it", dir, name, howNoLink).into(regTarget)
	made := func(f *File) bool { return f.Kind == FileDevice && f.Index == d.Index && f.Path == d.Path }
	if fd, ok := c.findFile(made); ok {
		c.call(origin, "use the node that rt has made", nsenter.Fcntl, nsenter.Num(fd),
			nsenter.Flags(&nsenter.FcntlCommands, unix.F_DUPFD_CLOEXEC), nsenter.Imm(0)).into(regTree)
	} else {
		c.call(origin, "clone the mount of the host's device", nsenter.OpenTree, nsenter.Cwd, nsenter.Str(d.Path),
			nsenter.Flags(&nsenter.OpenTreeFlags, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)).into(regTree)
	}
	modern := c.host.Has(host.MountSetattr)
	if modern {
		c.setAttributes(origin, "restrict it: the host's inode must not change", regTree, hostAttrs, 0, 0, false)
	}
	c.attach(origin, regTree, regTarget)
	if !modern {
		c.setFlags(origin, "restrict it: the host's inode must not change", regTree, mountFlags(hostAttrs))
	}
	c.close(regTree)
	c.close(regTarget)
}
