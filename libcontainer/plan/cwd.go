package plan

import (
	"golang.org/x/sys/unix"

	"rt/nsenter"
	"rt/spec"
)

// workingDirectory is process.cwd. It is made, if it is missing, and entered at three points of a plan.
type workingDirectory struct{ mounter }

// makeEarly makes a missing working directory before the mounts that may contain it become read-only: enterFirst comes
// too late for that.
//
// Like enterFirst, it leaves a directory alone that the root user of the container can't enter. Where the two cases
// look the same, in a parent directory that root can't enter, rt tells them apart.
func (c workingDirectory) makeEarly() error {
	p := c.spec.Process
	if p == nil || p.Cwd == "/" || !c.hasMountNamespace() || !c.spec.RootReadonly && len(c.opened.readonly) == 0 {
		return nil
	}
	const origin = "process.cwd"
	const sentence = "check that the working directory exists: later it can't be made"
	if p.UID == 0 {
		c.openOrMakeDir(origin, sentence, p.Cwd, regCwd)
		return nil
	}
	missing, end := c.newLabel(), c.newLabel()
	c.open(origin, sentence, regRoot, p.Cwd, howDir).into(regCwd).then(end).onErrno(missing, unix.ENOENT, unix.EACCES)
	c.mark(missing)
	c.makeByRT()
	c.mark(end)
	return nil
}

// makeByRT has rt make the working directory if it is missing, and leave it alone if it is closed.
func (c workingDirectory) makeByRT() {
	cwd := c.spec.Process.Cwd
	c.passToRt("process.cwd", "the root file system", regRoot).
		sync(SyncMakeDir, "make the working directory "+cwd+" below the root, if it is not there").about(cwd)
	c.await("wait until rt has made it")
}

// enterFirst enters process.cwd, looked up from the new root: no descriptor that leaked is involved (CVE-2024-21626). A
// missing directory is made if the root is writable, as runc does.
//
// The root user of the container enters it, since a directory may be closed to the user of the process. Where it is the
// other way round, as on network file systems that distrust root, enterAsUser tries again as that user.
func (c workingDirectory) enterFirst() error {
	p := c.spec.Process
	if p == nil || p.Cwd == "/" {
		return nil
	}
	const origin = "process.cwd"
	found, missing, closed := c.newLabel(), c.newLabel(), c.newLabel()
	first := c.open(origin, "open the working directory", regRoot, p.Cwd, howDir).into(regCwd).then(found)
	switch {
	case c.isMade() && p.UID != 0:
		first.onErrno(missing, unix.ENOENT, unix.EACCES)
		c.mark(missing)
		c.makeByRT()
		c.open(origin, "open it", regRoot, p.Cwd, howDir).into(regCwd).onErrno(closed, unix.EACCES)
	case c.isMade():
		first.onErrno(missing, unix.ENOENT)
		c.mark(missing)
		c.makeAndOpen(origin, p.Cwd, true, howDir, regCwd, found)
	case p.UID != 0:
		first.onErrno(closed, unix.EACCES)
	}
	c.mark(found)
	enter := c.call(origin, "enter it", nsenter.Fchdir, nsenter.Val(regCwd)).
		into(regCwd) // 0 tells enterAsUser that it is done
	if p.UID != 0 {
		enter.onErrno(closed, unix.EACCES)
	}
	c.mark(closed)
	return nil
}

// isMade reports whether a missing working directory is made.
func (c workingDirectory) isMade() bool {
	return !c.spec.RootReadonly && c.hasMountNamespace() && c.joins == joinsNone
}

// enterAsUser enters the working directory as the user of the process, if its root could not: see enterFirst. No
// descriptor is open any more, and it leaves none open.
func (c workingDirectory) enterAsUser(p *spec.Process) {
	if !c.isEnteredAsUser(p) {
		return
	}
	const origin = "process.cwd"
	again, end := c.newLabel(), c.newLabel()
	// Steps can't compare, but this option takes 0 and no negative number: prctl(2).
	c.prctl(origin, "check whether the working directory is entered already", unix.PR_CAPBSET_READ,
		nsenter.Val(regCwd)).then(end).onErrno(again, unix.EINVAL)
	c.mark(again)
	c.call(origin, "open the root", nsenter.Openat, nsenter.Cwd, nsenter.Str("/"),
		nsenter.Flags(&nsenter.OpenFlags, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC)).into(regRoot)
	c.open(origin, "open it as the user of the process", regRoot, p.Cwd, howDir).into(regCwd)
	c.call(origin, "enter it", nsenter.Fchdir, nsenter.Val(regCwd))
	c.call("", "", nsenter.Close, nsenter.Val(regCwd))
	c.call("", "", nsenter.Close, nsenter.Val(regRoot))
	c.mark(end)
}

// isEnteredAsUser reports whether enterAsUser has steps.
func (c workingDirectory) isEnteredAsUser(p *spec.Process) bool {
	return p.UID != 0 && p.Cwd != "/"
}
