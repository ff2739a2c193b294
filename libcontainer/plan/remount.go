package plan

import (
	"slices"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/internal/sys"
	"rt/libcontainer/host"
	"rt/nsenter"
	"rt/spec"
)

// remounts are the entries of mounts with the option remount.
type remounts struct{ mounter }

// compile compiles a mount with the option remount, which mounts nothing: it changes what is mounted at the
// destination (mount(8)). With bind it changes that mount alone, without it the file system too. As with mount(8), and
// unlike mount(2), options that it does not name keep their values, as far as earlier entries of the config tell.
func (c remounts) compile(m *spec.Mount) error {
	before := c.mountBefore(m)
	if !m.Bind && before.Bind {
		return &diag.Error{
			Kind: diag.Host, Field: mountPath(m, "options"), Value: "remount",
			Problem: "would change a file system of the host, which is bound at " + m.Destination +
				", for everybody: with bind it changes this mount alone",
		}
	}
	if m.AttrClear&unix.MOUNT_ATTR_RDONLY != 0 {
		c.leaveWritable(m.Destination)
	}
	origin := mountPath(m, "options")
	tree, held := c.registerFor(m)
	if !held {
		// The mount came with the root file system, or with a recursive bind.
		how := howPath
		if !m.Bind {
			how = howDir
		}
		tree = regTarget
		c.open(mountPath(m, "destination"), "open what is mounted there", regRoot, m.Destination, how).into(tree)
	}
	if !m.Bind {
		c.enter(mountPath(m, "destination"), tree)
		data := nsenter.Null
		if m.Data != "" {
			data = nsenter.Str(m.Data)
		}
		attributes := before.AttrSet&^m.AttrClear | m.AttrSet
		if before.Type == "tmpfs" && c.isFilledLater(m) && c.makeReadonlyLater(m, before.AttrSet, tree) {
			attributes &^= unix.MOUNT_ATTR_RDONLY
		}
		flags := mountFlags(attributes) | m.SuperFlags | unix.MS_REMOUNT
		c.call(origin, "change the options of the file system at "+m.Destination, nsenter.Mount, nsenter.Null,
			nsenter.Str("."), nsenter.Null,
			nsenter.Flags(&nsenter.MountFlags, flags), data)
	} else {
		c.changeAttributes(m, before.AttrSet, tree)
	}
	if m.RecSet|m.RecClear != 0 {
		c.setAttributes(origin, "change the flags of this mount and of all mounts below", tree, m.RecSet,
			m.RecClear, 0, true)
	}
	c.setPropagation(m, tree)
	if !held {
		c.close(tree)
	}
	return nil
}

// holdOpen keeps a mount open that a later entry of the config changes: its name may lead elsewhere by then.
func (c remounts) holdOpen(m *spec.Mount, tree nsenter.Reg) {
	if !c.isChangedLater(m) {
		return
	}
	r, ok := c.registerAt(m.Index) // if a mount is made in one of two ways, each leaves it open
	if !ok {
		if r, ok = c.reserveRegister(false); !ok {
			return
		}
		c.opened.remounted = append(c.opened.remounted, remountedMount{m.Index, r})
	}
	c.call(mountPath(m, ""), "keep its descriptor: a later entry changes it", nsenter.Fcntl, nsenter.Val(tree),
		nsenter.Flags(&nsenter.FcntlCommands, unix.F_DUPFD_CLOEXEC), nsenter.Imm(0)).into(r)
}

// remountedMount is a mount of the config that a register refers to until a later entry changes it.
type remountedMount struct {
	index int // in mounts
	reg   nsenter.Reg
}

// isChangedLater reports whether a later entry of the config changes the mount m.
func (c remounts) isChangedLater(m *spec.Mount) bool {
	if m.Index < 0 {
		return false
	}
	for i := range c.spec.Mounts[m.Index+1:] {
		later := &c.spec.Mounts[m.Index+1+i]
		if later.Remount && c.entryFor(later) == m.Index {
			return true
		}
	}
	return false
}

// registerFor returns the register of the mount that m, an entry with remount, changes.
func (c remounts) registerFor(m *spec.Mount) (nsenter.Reg, bool) {
	return c.registerAt(c.entryFor(m))
}

// registerAt returns the register of the mount that the entry of that index has made.
func (c remounts) registerAt(index int) (nsenter.Reg, bool) {
	for _, h := range c.opened.remounted {
		if h.index == index {
			return h.reg, true
		}
	}
	return nsenter.Nowhere, false
}

// entryFor returns the index of the entry whose mount is on top at the destination of m when m is compiled, or -1.
func (c remounts) entryFor(m *spec.Mount) int {
	made := -1
	for i := range c.spec.Mounts[:m.Index] {
		earlier := &c.spec.Mounts[i]
		if earlier.Remount {
			continue
		}
		if rest, ok := sys.Below(m.Destination, earlier.Destination); ok {
			made = -1 // a mount above hides it
			if rest == "" {
				made = i
			}
		}
	}
	return made
}

// isFilledLater reports whether rt still makes devices or mount points in the file system that m changes.
func (c remounts) isFilledLater(m *spec.Mount) bool {
	isBelow := func(path string) bool { return sys.IsBelow(path, m.Destination) }
	return isBelow("/dev") ||
		slices.ContainsFunc(c.spec.Devices, func(d spec.Device) bool { return isBelow(d.Path) }) ||
		slices.ContainsFunc(c.spec.Mounts[m.Index+1:], func(later spec.Mount) bool {
			return !later.Remount && isBelow(later.Destination)
		})
}

// makeReadonlyLater reports whether the mount in tree, which m changes, is one of those that become read-only when
// everything in them is made. If m makes it read-only it is one from now on.
func (c remounts) makeReadonlyLater(m *spec.Mount, before uint64, tree nsenter.Reg) bool {
	if m.AttrSet&unix.MOUNT_ATTR_RDONLY == 0 {
		return slices.ContainsFunc(c.opened.readonly, func(o openMount) bool { return o.destination == m.Destination })
	}
	r, ok := c.reserveRegister(false)
	if !ok {
		return false
	}
	origin := mountPath(m, "options")
	c.call(origin, "keep its descriptor: it is made read-only later", nsenter.Fcntl, nsenter.Val(tree),
		nsenter.Flags(&nsenter.FcntlCommands, unix.F_DUPFD_CLOEXEC), nsenter.Imm(0)).into(r)
	c.opened.readonly = append(c.opened.readonly, openMount{
		m.Index, m.Destination, origin, r,
		mountFlags(before&^m.AttrClear | m.AttrSet),
	})
	return true
}

// changeAttributes changes the attributes of a mount. Like other mounts, it becomes read-only once everything in it is
// made.
func (c remounts) changeAttributes(m *spec.Mount, before uint64, tree nsenter.Reg) {
	origin := mountPath(m, "options")
	set := m.AttrSet
	if set&unix.MOUNT_ATTR_RDONLY != 0 && c.makeReadonlyLater(m, before, tree) {
		set &^= unix.MOUNT_ATTR_RDONLY
	}
	if set == 0 && m.AttrClear == 0 {
		return
	}
	if c.host.Has(host.MountSetattr) {
		c.setAttributes(origin, "change the flags of the mount at "+m.Destination, tree, set, m.AttrClear, 0, false)
		return
	}
	c.setFlags(origin, "change the flags of the mount at "+m.Destination, tree, mountFlags(before&^m.AttrClear|set))
}

// mountBefore returns the mount at the destination of m as earlier entries of the config have left it.
func (c remounts) mountBefore(m *spec.Mount) (before spec.Mount) {
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

// leaveWritable removes a mount from the list of those that become read-only.
func (c remounts) leaveWritable(destination string) {
	kept := c.opened.readonly[:0]
	for _, m := range c.opened.readonly {
		if m.destination != destination {
			kept = append(kept, m)
		}
	}
	c.opened.readonly = kept
}
