package plan

import "golang.org/x/sys/unix"

// makeCwd makes a missing working directory before the mounts that may contain it become read-only: cwd comes too late
// for that.
//
// Like cwd, it leaves a directory alone that the root user of the container can't enter. Where the two cases look the
// same, in a parent directory that root can't enter, rt tells them apart.
func (c *compiler) makeCwd() error {
	p := c.spec.Process
	if p == nil || p.Cwd == "/" || !c.mountNamespace() || !c.spec.RootReadonly && len(c.readonly) == 0 {
		return nil
	}
	const origin = "process.cwd"
	const sentence = "check that the working directory exists: later it can't be made"
	if p.UID == 0 {
		c.directory(origin, sentence, p.Cwd, regCwd)
		return nil
	}
	missing, end := c.newLabel(), c.newLabel()
	c.open(origin, sentence, regRoot, p.Cwd, howDir).to(regCwd).then(end).on(missing, unix.ENOENT, unix.EACCES)
	c.mark(missing)
	c.makeCwdByRT()
	c.mark(end)
	return nil
}

// makeCwdByRT has rt make the working directory if it is missing, and leave it alone if it is closed.
func (c *compiler) makeCwdByRT() {
	cwd := c.spec.Process.Cwd
	c.passToRt("process.cwd", "the root file system", regRoot).
		sync(SyncMakeDir, "make the working directory "+cwd+" below the root, if it is not there").about(cwd)
	c.await("wait until rt has made it")
}
