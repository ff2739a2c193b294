package plan

import (
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"rt/nsenter"
	"rt/spec"
)

// defaultDevices are those that every container has (config-linux.md#default-devices). /dev/console is the terminal's, /dev/ptmx a link.
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

// hasDev reports whether the config has a mount at /dev that rt made and holds in regDev.
func (c *compiler) hasDev() bool {
	for i := range c.spec.Mounts {
		if m := &c.spec.Mounts[i]; m.Destination == "/dev" {
			return inHouse(m.Type) && !m.Bind
		}
	}
	return false
}

// devices compiles /dev. A bind mount at /dev is the user's own business, and is left alone.
func (c *compiler) devices() error {
	if !c.mountNamespace() {
		return nil
	}
	for i := range c.spec.Mounts {
		if m := &c.spec.Mounts[i]; m.Destination == "/dev" && m.Bind && !m.Remount {
			return nil
		}
	}
	if !c.hasDev() {
		c.target("", "/dev", true, howDir)
		c.do("", "keep /dev at hand", nsenter.Fcntl, nsenter.Val(regTarget), nsenter.Flags(&nsenter.FcntlCommands, unix.F_DUPFD_CLOEXEC), nsenter.Imm(0)).to(regDev)
	}
	for i := range defaultDevices {
		if d := &defaultDevices[i]; !c.overridden(d.Path) {
			c.device(d)
		}
	}
	for i := range c.spec.Devices {
		// Engines list all that the host has for a privileged container. /dev/ptmx of the host leads to the host's terminals or, bound, nowhere.
		if d := &c.spec.Devices[i]; d.Path != "/dev/ptmx" {
			c.device(d)
		}
	}
	for _, l := range deviceLinks {
		c.deviceLink(l.name, l.target)
	}
	if c.opt.Kcore {
		c.deviceLink("core", "/proc/kcore")
	}
	return nil
}

// BoundDevices lists the devices that may be mounts of the host's and not made: all but pipes.
func BoundDevices(s *spec.Spec) (paths []string) {
	for i := range defaultDevices {
		paths = append(paths, defaultDevices[i].Path)
	}
	for i := range s.Devices {
		if d := &s.Devices[i]; d.Mode&unix.S_IFMT != unix.S_IFIFO && d.Path != "/dev/ptmx" && !slices.Contains(paths, d.Path) {
			paths = append(paths, d.Path)
		}
	}
	return paths
}

func (c *compiler) deviceLink(name, target string) {
	c.do("", "link /dev/"+name, nsenter.Symlinkat, nsenter.Str(target), nsenter.Val(regDev), nsenter.Str(name)).ignore(unix.EEXIST)
}

// overridden reports whether linux.devices has a device of its own for path.
func (c *compiler) overridden(path string) bool {
	for i := range c.spec.Devices {
		if c.spec.Devices[i].Path == path {
			return true
		}
	}
	return false
}

// device makes one device node, or binds the host's where making one is refused: in a user namespace always, elsewhere by want of CAP_MKNOD.
func (c *compiler) device(d *spec.Device) {
	origin := ""
	if d.Index >= 0 {
		origin = "linux.devices[" + strconv.Itoa(d.Index) + "]"
	}
	dir, name := c.parentOf(origin, d.Path)
	fifo := d.Mode&unix.S_IFMT == unix.S_IFIFO
	bindOnly := !fifo && (c.host.UserNS || c.spec.Namespaces.Has(unix.CLONE_NEWUSER))
	if bindOnly {
		c.bindDevice(origin, d, dir, name)
		return
	}
	bind, end := c.newLabel(), c.newLabel()
	number := unix.Mkdev(d.Major, d.Minor)
	text := "device " + strconv.Itoa(int(d.Major)) + ":" + strconv.Itoa(int(d.Minor))
	s := c.do(origin, "make "+d.Path+", "+text, nsenter.Mknodat, nsenter.Val(dir), nsenter.Str(name),
		nsenter.Flags(&nsenter.FileModes, d.Mode), nsenter.Imm(number)).on(bind, unix.EPERM, unix.EEXIST)
	owned := d.UID != 0 || d.GID != 0
	if owned {
		c.do(origin, "give it its owner", nsenter.Fchownat, nsenter.Val(dir), nsenter.Str(name), nsenter.Imm(d.UID), nsenter.Imm(d.GID),
			nsenter.Flags(&nsenter.AtFlags, unix.AT_SYMLINK_NOFOLLOW)).then(end)
	} else {
		s.then(end)
	}
	// EEXIST leads here too: what an image has under this name is covered by the device that is meant.
	c.place(bind)
	c.bindDevice(origin, d, dir, name)
	c.place(end)
}

// bindDevice covers an empty file with the host's device of the same path.
func (c *compiler) bindDevice(origin string, d *spec.Device, dir nsenter.Reg, name string) {
	c.do(origin, "make a file for "+d.Path, nsenter.Mknodat, nsenter.Val(dir), nsenter.Str(name),
		nsenter.Flags(&nsenter.FileModes, unix.S_IFREG|0o666), nsenter.Imm(0)).ignore(unix.EEXIST)
	c.open(origin, "find it", dir, name, howNoLink).to(regTarget)
	c.do(origin, "copy the host's device, detached", nsenter.OpenTree, nsenter.Cwd, nsenter.Str(HostDevice(d.Path)),
		nsenter.Flags(&nsenter.OpenTreeFlags, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)).to(regTree)
	c.attach(origin, regTree, regTarget)
	c.close(regTree)
	c.close(regTarget)
}

// HostDevice is where the host has a device.
func HostDevice(path string) string {
	if strings.HasPrefix(path, "/dev/") {
		return path
	}
	return "/dev" + path
}
