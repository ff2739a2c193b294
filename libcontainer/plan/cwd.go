package plan

import "golang.org/x/sys/unix"

// makeCwd makes a working directory that is not there, before anything becomes read-only in which it may lie: cwd comes
// too late for it then.
//
// As cwd does, it leaves one alone that is closed to the root user of the container. Where the two look the same, in
// the directory that is closed, rt has a look.
func (c *compiler) makeCwd() error {
	p := c.spec.Process
	if p == nil || p.Cwd == "/" || !c.mountNamespace() || !c.spec.RootReadonly && len(c.readonly) == 0 {
		return nil
	}
	const origin = "process.cwd"
	const sentence = "is the working directory there? Later it can't be made"
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
	c.handOver("process.cwd", "the root file system", regRoot).
		sync(SyncMakeDir, "make the working directory "+cwd+" below the root, if it is not there").about(cwd)
	c.await("wait until it is made")
}
