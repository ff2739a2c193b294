package plan

import (
	"golang.org/x/sys/unix"

	"rt/nsenter"
	"rt/spec"
)

// copyUp compiles the option tmpcopyup: what the image has at the mount point is copied into the tmpfs in hand before that is attached there
// (config.md#configLinuxMountOptions). Copying a tree takes loops and judgement, so it is rt's to do: the boot process hands over what it alone can
// find and make, the directory below the container's root and the tmpfs of the container's user namespace, and waits.
//
// A mount point that is not in the image has nothing to be copied. Its tmpfs keeps the mode and owner that its options give it.
func (c *compiler) copyUp(m *spec.Mount, tree nsenter.Reg) {
	const options = "options"
	origin := mountPath(m, "destination")
	found, missing, end := c.newLabel(), c.newLabel(), c.newLabel()
	c.open(origin, "find the mount point", regRoot, m.Destination, howDir).to(regTarget).then(found).on(missing, unix.ENOENT)
	c.place(missing)
	c.makePath(origin, m.Destination, true)
	c.open(origin, "find it; there is nothing to copy", regRoot, m.Destination, howDir).to(regTarget).then(end)
	c.place(found)
	origin = mountPath(m, options)
	c.handOver(origin, "what is there", regTarget).sync(SyncCopyFrom, "take the directory at "+m.Destination)
	c.handOver(origin, "the tmpfs", tree).sync(SyncCopyTo, "copy into the tmpfs what the directory holds")
	c.await("wait until it is copied")
	c.place(end)
}

// handOver sends the descriptor in r to rt. A control message names descriptors by number, so it gets one that is known beforehand: that of a file
// which is inherited for this and nothing else.
func (c *compiler) handOver(origin, what string, r nsenter.Reg) step {
	spare := c.spare(what)
	c.do(origin, "give "+what+" a known number", nsenter.Dup3, nsenter.Val(r), nsenter.Num(spare), nsenter.Flags(&nsenter.OpenFlags, unix.O_CLOEXEC))
	return c.do(origin, "hand it to rt", nsenter.Sendmsg, nsenter.Num(c.plan.Ctl), passDescriptor(c.plan.Number(spare), r), nsenter.Imm(0))
}

// spare returns the descriptor whose number what is handed over gets.
func (c *compiler) spare(what string) nsenter.FD {
	spare, ok := c.file(func(f *File) bool { return f.Kind == FileSpare })
	if !ok {
		panic("plan: no spare descriptor to hand " + what + " over with")
	}
	return spare
}

// copiesUp reports whether a mount has the option tmpcopyup.
func (c *compiler) copiesUp() bool {
	for i := range c.spec.Mounts {
		if c.spec.Mounts[i].TmpCopyUp {
			return true
		}
	}
	return false
}
