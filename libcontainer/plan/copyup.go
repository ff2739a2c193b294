package plan

import (
	"golang.org/x/sys/unix"

	"rt/nsenter"
	"rt/spec"
)

// copyUp compiles the option tmpcopyup: what the image has at the mount point is copied into the tmpfs in hand before
// that is attached there (config.md#configLinuxMountOptions). Copying a tree takes loops and judgement, so it is rt's
// to do: the boot process hands over what it alone can find and make, the directory below the container's root and the
// tmpfs of the container's user namespace, and waits.
//
// A mount point that is not in the image has nothing to be copied. Its tmpfs keeps the mode and owner that its options
// give it.
//
// A tmpfs without that option and without a mode takes the mode of the directory alone, the same way: see
// Options.ModesLater.
func (c *compiler) copyUp(m *spec.Mount, tree nsenter.Reg) {
	origin := mountPath(m, "destination")
	found, missing, end := c.newLabel(), c.newLabel(), c.newLabel()
	c.open(origin, "open the mount point", regRoot, m.Destination,
		howDir).to(regTarget).then(found).on(missing, unix.ENOENT)
	c.mark(missing)
	c.made(origin, m.Destination, true, howDir, regTarget, end)
	c.mark(found)
	does := "copy into the tmpfs what the directory holds"
	if !m.TmpCopyUp {
		does = "give the tmpfs the mode of the directory"
	}
	c.takeOver(m, tree, does)
	c.mark(end)
}

// takeOver hands the mount point in regTarget and the tmpfs that will cover it over to rt, which does what the sentence
// says.
func (c *compiler) takeOver(m *spec.Mount, tree nsenter.Reg, does string) {
	origin := mountPath(m, "options")
	c.handOver(origin, "what is there", regTarget).sync(SyncCopyFrom, "take the directory at "+m.Destination)
	c.handOver(origin, "the tmpfs", tree).sync(SyncCopyTo, does)
	c.await("wait until it is done")
}

// handOver sends the descriptor in r to rt. A control message names descriptors by number, so it gets one that is known
// beforehand: that of a file which is inherited for this, and to name mounts by on old kernels.
func (c *compiler) handOver(origin, what string, r nsenter.Reg) step {
	spare := c.spare(what)
	c.do(origin, "duplicate "+what+" to a fixed number", nsenter.Dup3, nsenter.Val(r), nsenter.Num(spare),
		nsenter.Flags(&nsenter.OpenFlags, unix.O_CLOEXEC))
	return c.do(origin, "pass it to rt", nsenter.Sendmsg, nsenter.Num(c.plan.Ctl),
		passDescriptor(c.plan.Number(spare), r), nsenter.Imm(0))
}

// spare returns the descriptor whose number what is handed over gets.
func (c *compiler) spare(what string) nsenter.FD {
	spare, ok := c.file(func(f *File) bool { return f.Kind == FileSpare })
	if !ok {
		panic("plan: no spare descriptor to hand " + what + " over with")
	}
	return spare
}
