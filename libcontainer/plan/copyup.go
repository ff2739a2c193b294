package plan

import (
	"golang.org/x/sys/unix"

	"rt/nsenter"
	"rt/spec"
)

// copyUp compiles the option tmpcopyup: the content of the mount point is copied into the tmpfs before that is attached
// (config.md#configLinuxMountOptions). To copy a tree requires loops and decisions, so rt does it. The boot process
// passes what only it can find and make, the directory below the container's root and the tmpfs of the container's user
// namespace, and waits.
//
// A mount point that does not exist in the image has nothing to copy. Its tmpfs keeps the mode and owner of its
// options.
//
// A tmpfs without that option and without a mode gets only the mode of the directory, in the same way: see
// Options.ModesLater.
func (c fileSystems) copyUp(m *spec.Mount, tree nsenter.Reg) {
	origin := mountPath(m, "destination")
	found, missing, end := c.newLabel(), c.newLabel(), c.newLabel()
	c.open(origin, "open the mount point", regRoot, m.Destination,
		howDir).into(regTarget).then(found).onErrno(missing, unix.ENOENT)
	c.mark(missing)
	c.makeAndOpen(origin, m.Destination, true, howDir, regTarget, end)
	c.mark(found)
	does := "copy the files of the directory into the tmpfs"
	if !m.TmpCopyUp {
		does = "set the mode of the tmpfs to that of the directory"
	}
	c.passBoth(m, tree, does)
	c.mark(end)
}

// passBoth passes the mount point in regTarget, and the tmpfs that will cover it, to rt. does says what rt does with
// them.
func (c fileSystems) passBoth(m *spec.Mount, tree nsenter.Reg, does string) {
	origin := mountPath(m, "options")
	c.passToRt(origin, "the directory", regTarget).sync(SyncCopyFrom, "receive the directory at "+m.Destination)
	c.passToRt(origin, "the tmpfs", tree).sync(SyncCopyTo, does)
	c.await("wait until rt has finished")
}
