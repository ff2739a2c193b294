package plan

import (
	"slices"

	"golang.org/x/sys/unix"

	"rt/nsenter"
)

// execRights drops, in the first process, the rights that the program must not have. extraCaps are the exception:
// capabilities for calls that only the process itself can make.
func (c *compiler) execRights() error {
	p := c.spec.Process
	c.caps = c.grantable(p)
	c.extraCaps = c.neededLater()
	if err := c.becomeUser(p, c.caps); err != nil {
		return err
	}
	if c.filterFirst() {
		c.filterByRights(p)
	}
	if c.extraCaps == 0 {
		c.finalSets(p, c.caps)
		return nil
	}
	c.capset(p, "set the capabilities of the program and of the steps below", c.caps.Effective|c.extraCaps,
		c.caps.Permitted|c.extraCaps, c.caps.Inheritable)
	return nil
}

// neededLater returns the capabilities that the process needs until it executes the program.
func (c *compiler) neededLater() (caps uint64) {
	if c.filterLater() {
		caps |= 1 << unix.CAP_SYS_ADMIN
	}
	if c.schedulesLater() {
		caps |= 1 << unix.CAP_SYS_NICE
	}
	return caps
}

// filterFirst reports whether the first process loads the filter, which the process inherits: without no_new_privs that
// takes CAP_SYS_ADMIN, which the process must not have.
func (c *compiler) filterFirst() bool {
	return c.opt.Filter != nil && !c.spec.Process.NoNewPrivs && c.allowsBirth()
}

// filterLater reports whether the process has to load the filter, and needs CAP_SYS_ADMIN for that.
func (c *compiler) filterLater() bool {
	return c.opt.Filter != nil && !c.spec.Process.NoNewPrivs && !c.allowsBirth()
}

// allowsBirth reports whether the filter allows all that comes after it when the first process loads it. Profiles of
// engines do.
func (c *compiler) allowsBirth() bool {
	f := c.opt.Filter
	calls := []nsenter.Call{
		nsenter.Capset, nsenter.Prctl, nsenter.Writev, nsenter.ExitGroup, nsenter.Read,
		nsenter.Setsid,
	}
	if c.limitsLater() {
		calls = append(calls, nsenter.Prlimit64)
	}
	if f.Notify {
		calls = append(calls, nsenter.Dup3, nsenter.Sendmsg)
	}
	if c.opt.Wait {
		calls = append(calls, nsenter.Accept4, nsenter.Dup3, nsenter.Close)
	}
	if c.schedulesLater() {
		calls = append(calls, nsenter.SchedSetattr)
	}
	if _, ok := c.file(func(f *File) bool { return f.Kind == FileBinary }); ok {
		calls = append(calls, nsenter.Execveat)
	} else {
		calls = append(calls, nsenter.Faccessat, nsenter.Execve)
	}
	for _, call := range calls {
		if !f.Allows(call.Number()) {
			return false
		}
	}
	return f.Allows(nsenter.Clone.Number(), unix.CLONE_PARENT) &&
		(!c.spec.Process.Terminal || f.Allows(nsenter.Ioctl.Number(), 0, unix.TIOCSCTTY))
}

// schedulesLater reports whether a child does not inherit process.scheduler, or a process with it can have no children:
// sched(7).
func (c *compiler) schedulesLater() bool {
	s := c.spec.Process.OCI.Scheduler
	return c.clonesProgram() && s != nil && (s.Policy == "SCHED_DEADLINE" ||
		slices.Contains(s.Flags, "SCHED_FLAG_RESET_ON_FORK"))
}

// limitsLater reports whether there is a limit on the number of the user's processes: the first one must not count.
func (c *compiler) limitsLater() bool {
	for i := range c.spec.Process.Rlimits {
		if c.spec.Process.Rlimits[i].Resource == unix.RLIMIT_NPROC {
			return c.clonesProgram()
		}
	}
	return false
}

// execProcess clones the process. It uses clone(2) and not clone3(2), which profiles forbid, since they can't check its
// flags.
func (c *compiler) execProcess() error {
	c.fork(unix.CLONE_PARENT, c.do("", "clone the process into the container's pid namespace, as a child of rt",
		nsenter.Clone,
		nsenter.Flags(&nsenter.CloneFlags, unix.CLONE_PARENT), nsenter.Null, nsenter.Null, nsenter.Null, nsenter.Null))
	c.await("wait for rt")
	c.do("", "make a new session", nsenter.Setsid).ignore(unix.EPERM)
	c.controlTerminal()
	p := c.spec.Process
	for i := range p.Rlimits {
		if l := &p.Rlimits[i]; l.Resource == unix.RLIMIT_NPROC {
			c.rlimit(l, l.Soft, "set ")
		}
	}
	if c.filterFirst() {
		c.listen()
	}
	return nil
}

// execLast compiles the last steps of the process, with those that take a right that the program may not have.
func (c *compiler) execLast() error {
	p := c.spec.Process
	if c.schedulesLater() {
		c.scheduler(p.OCI.Scheduler)
	}
	if c.filterLater() {
		c.filter()
		c.listen()
	}
	if c.extraCaps != 0 {
		c.finalSets(p, c.caps)
	}
	if p.NoNewPrivs {
		c.filter()
		c.listen()
	}
	return nil
}
