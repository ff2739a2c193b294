package plan

import (
	"golang.org/x/sys/unix"

	"rt/libcontainer/diag"
	"rt/libcontainer/host"
	"rt/nsenter"
	"rt/spec"
)

// changeMount compiles a mount with the option remount, which mounts nothing: it changes what is mounted at the destination already (mount(8)). With bind it
// changes that mount alone, without it the file system too. As with mount(8), and unlike mount(2), options that it does not name stay as they are, as
// far as earlier entries of the config tell.
func (c *compiler) changeMount(m *spec.Mount) error {
	before := c.mountedAt(m)
	if !m.Bind && before.Bind {
		return &diag.Error{
			Kind: diag.Host, Field: mountPath(m, "options"), Value: "remount",
			Problem: "would change a file system of the host, which is bound at " + m.Destination + ", for everybody: with bind it changes this mount alone",
		}
	}
	if m.AttrClear&unix.MOUNT_ATTR_RDONLY != 0 {
		c.stayWritable(m.Destination)
	}
	origin := mountPath(m, "options")
	if !m.Bind {
		c.open(mountPath(m, "destination"), "find what is mounted there", regRoot, m.Destination, howDir).to(regTarget)
		c.enter(mountPath(m, "destination"), regTarget)
		data := nsenter.Null
		if m.Data != "" {
			data = nsenter.Str(m.Data)
		}
		flags := mountFlags(before.AttrSet&^m.AttrClear|m.AttrSet) | m.SuperFlags | unix.MS_REMOUNT
		c.do(origin, "change the file system at "+m.Destination, nsenter.Mount, nsenter.Null, nsenter.Str("."), nsenter.Null,
			nsenter.Flags(&nsenter.MountFlags, flags), data)
	} else {
		c.open(mountPath(m, "destination"), "find what is mounted there", regRoot, m.Destination, howPath).to(regTarget)
		c.changeAttributes(m, before.AttrSet)
	}
	if m.RecSet|m.RecClear != 0 {
		c.setAttr(origin, "change this mount and all mounts below", regTarget, m.RecSet, m.RecClear, 0, true)
	}
	c.propagate(m, regTarget)
	c.close(regTarget)
	return nil
}

// changeAttributes changes the attributes of the mount in regTarget. Read-only it becomes when all that goes into it is made, as other mounts do.
func (c *compiler) changeAttributes(m *spec.Mount, before uint64) {
	origin := mountPath(m, "options")
	set := m.AttrSet
	if set&unix.MOUNT_ATTR_RDONLY != 0 {
		if r, ok := c.keep(); ok {
			set &^= unix.MOUNT_ATTR_RDONLY
			c.do(origin, "keep it at hand, to make it read-only later", nsenter.Fcntl, nsenter.Val(regTarget),
				nsenter.Flags(&nsenter.FcntlCommands, unix.F_DUPFD_CLOEXEC), nsenter.Imm(0)).to(r)
			c.readonly = append(c.readonly, keptMount{m.Destination, origin, r, mountFlags(before&^m.AttrClear | m.AttrSet)})
		}
	}
	if set == 0 && m.AttrClear == 0 {
		return
	}
	if c.host.Has(host.MountSetattr) {
		c.setAttr(origin, "change the mount at "+m.Destination, regTarget, set, m.AttrClear, 0, false)
		return
	}
	c.remount(origin, "change the mount at "+m.Destination, regTarget, mountFlags(before&^m.AttrClear|set))
}

// mountedAt returns what earlier entries of the config have made of the destination of m.
func (c *compiler) mountedAt(m *spec.Mount) (before spec.Mount) {
	for i := range c.spec.Mounts[:m.Index] {
		earlier := &c.spec.Mounts[i]
		switch {
		case earlier.Destination != m.Destination:
		case earlier.Remount:
			before.AttrSet = before.AttrSet&^earlier.AttrClear | earlier.AttrSet
		default:
			before = *earlier
		}
	}
	return before
}

// stayWritable takes a mount off the list of those that become read-only.
func (c *compiler) stayWritable(destination string) {
	kept := c.readonly[:0]
	for _, m := range c.readonly {
		if m.destination != destination {
			kept = append(kept, m)
		}
	}
	c.readonly = kept
}
