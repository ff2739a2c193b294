package plan

import (
	"slices"
	"strconv"

	"golang.org/x/sys/unix"

	"rt/libcontainer/host"
	"rt/nsenter"
	"rt/spec"
)

// mounter is a compiler with the steps that all parts need which mount something: finding the mount point (resolve.go),
// changing attributes (attributes.go), mapping ids (idmap.go), and attaching.
type mounter struct{ *compiler }

// attach attaches a detached mount to its mount point.
func (c mounter) attach(origin string, tree, target nsenter.Reg) step {
	if c.joins == joinsMount {
		recordAdded(c.compiler, origin, tree)
	}
	return c.call(origin, "attach it", nsenter.MoveMount, nsenter.Val(tree), nsenter.Str(""), nsenter.Val(target),
		nsenter.Str(""),
		nsenter.Flags(&nsenter.MoveMountFlags, unix.MOVE_MOUNT_F_EMPTY_PATH|unix.MOVE_MOUNT_T_EMPTY_PATH))
}

// attachDirectory attaches the mount in regTree at the destination of m, a directory, with its propagation.
func (c mounter) attachDirectory(m *spec.Mount, origin string) {
	modern := c.host.Has(host.MountSetattr)
	if modern {
		c.setPropagation(m, regTree)
	}
	c.openMountPoint(mountPath(m, "destination"), m.Destination, true, howDir)
	c.attach(origin, regTree, regTarget)
	if !modern {
		c.setPropagation(m, regTree) // mount(2) changes only what is attached
	}
}

// reserveRegister reserves a register for one mount; false if none is left. reserved says that it is one of those that
// restrictions.reserve has counted for mounts in which paths are restricted.
func (c mounter) reserveRegister(reserved bool) (nsenter.Reg, bool) {
	if c.opened.free < regFree {
		c.opened.free = regFree
	}
	if !reserved && int(c.opened.free)+c.opened.reserved >= nsenter.MaxReg {
		return nsenter.Nowhere, false
	}
	if reserved {
		c.opened.reserved--
	}
	c.opened.free++
	// All plans share the names, so they are copied first.
	c.plan.Regs = append(slices.Clip(c.plan.Regs), "mount"+strconv.Itoa(int(c.opened.free-regFree)))
	return c.opened.free - 1, true
}
