package plan

import (
	"golang.org/x/sys/unix"

	"rt/nsenter"
	"rt/spec"
)

// copyUp compiles the option tmpcopyup: the content of the mount point is copied into the tmpfs before that is attached
// (config.md#configLinuxMountOptions). To copy a tree takes loops and decisions, so rt does it. The boot process hands
// over what only it can find and make, the directory below the container's root and the tmpfs of the container's user
// namespace, and waits.
//
// A mount point that does not exist in the image has nothing to copy. Its tmpfs keeps the mode and owner of its
// options.
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
	does := "copy the files of the directory into the tmpfs"
	if !m.TmpCopyUp {
		does = "give the tmpfs the mode of the directory"
	}
	c.takeOver(m, tree, does)
	c.mark(end)
}

// takeOver hands the mount point in regTarget and the tmpfs that will cover it to rt. does says what rt does with them.
func (c *compiler) takeOver(m *spec.Mount, tree nsenter.Reg, does string) {
	origin := mountPath(m, "options")
	c.passToRt(origin, "the directory", regTarget).sync(SyncCopyFrom, "receive the directory at "+m.Destination)
	c.passToRt(origin, "the tmpfs", tree).sync(SyncCopyTo, does)
	c.await("wait until rt has finished")
}

// passToRt sends the descriptor in r to rt. A control message refers to descriptors by number, so the descriptor gets a
// number that is known beforehand: that of a file which is inherited for this purpose, and for the paths of mounts on
// old kernels.
func (c *compiler) passToRt(origin, what string, r nsenter.Reg) step {
	spare := c.spare(what)
	c.do(origin, "duplicate "+what+" to a fixed number", nsenter.Dup3, nsenter.Val(r), nsenter.Num(spare),
		nsenter.Flags(&nsenter.OpenFlags, unix.O_CLOEXEC))
	return c.do(origin, "pass it to rt", nsenter.Sendmsg, nsenter.Num(c.plan.Ctl),
		passDescriptor(c.plan.Number(spare), r), nsenter.Imm(0))
}

// spare returns the descriptor whose number is used to pass what.
func (c *compiler) spare(what string) nsenter.FD {
	spare, ok := c.file(func(f *File) bool { return f.Kind == FileSpare })
	if !ok {
		panic("plan: no spare descriptor to hand " + what + " over with")
	}
	return spare
}
