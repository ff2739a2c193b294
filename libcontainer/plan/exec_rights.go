package plan

import (
	"slices"

	"golang.org/x/sys/unix"

	"rt/nsenter"
	"rt/spec"
)

// execRights are the rights of a process that another one clones when everything else is done: that of rt exec, and
// those of clone_last.go. The first of the two drops what the program must not have, before others can see the second.
type execRights struct {
	rights
	caps spec.Capabilities // of the program
}

// drop drops, in the first process, the rights that the program must not have. extraCaps are the exception:
// capabilities for calls that only the process itself can make.
func (c *execRights) drop() error {
	p := c.spec.Process
	c.caps = c.grantableSets(p)
	c.extraCaps = c.neededLater()
	if err := c.becomeUser(p, c.caps); err != nil {
		return err
	}
	if c.filtersFirst() {
		c.loadFilterFirst(p)
	}
	if c.extraCaps == 0 {
		c.setCapabilities(p, c.caps)
		return nil
	}
	c.setSets(p, "set the capabilities of the program and of the steps below", c.caps.Effective|c.extraCaps,
		c.caps.Permitted|c.extraCaps, c.caps.Inheritable)
	return nil
}

// neededLater returns the capabilities that the process needs until it executes the program.
func (c *execRights) neededLater() (caps uint64) {
	if c.filtersLater() {
		caps |= 1 << unix.CAP_SYS_ADMIN
	}
	if c.schedulesLater() {
		caps |= 1 << unix.CAP_SYS_NICE
	}
	return caps
}

// filtersFirst reports whether the first process loads the filter, which the process inherits: without no_new_privs
// that requires CAP_SYS_ADMIN, which the process must not have.
func (c *execRights) filtersFirst() bool {
	return c.opt.Filter != nil && !c.spec.Process.NoNewPrivs && c.allowsClone()
}

// filtersLater reports whether the process has to load the filter, and needs CAP_SYS_ADMIN for that.
func (c *execRights) filtersLater() bool {
	return c.opt.Filter != nil && !c.spec.Process.NoNewPrivs && !c.allowsClone()
}

// allowsClone reports whether the filter allows all that comes after it when the first process loads it. Profiles of
// engines do.
func (c *execRights) allowsClone() bool {
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
	if _, ok := c.findFile(func(f *File) bool { return f.Kind == FileBinary }); ok {
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

// cloneProcess clones the process. It uses clone(2) and not clone3(2), which profiles forbid, since they can't check
// its flags.
func (c *execRights) cloneProcess() error {
	origin := ""
	if j := c.spec.Namespaces.Joined(unix.CLONE_NEWPID); j != nil {
		origin = j.Field() // if the init of that namespace has ended, this clone is the first call that fails
	}
	processes{c.compiler}.fork(unix.CLONE_PARENT, c.call(origin,
		"clone the process into the container's pid namespace, as a child of rt",
		nsenter.Clone,
		nsenter.Flags(&nsenter.CloneFlags, unix.CLONE_PARENT), nsenter.Null, nsenter.Null, nsenter.Null, nsenter.Null))
	c.await("wait for rt's answer to the report")
	c.call("", "make a new session", nsenter.Setsid).ignore(unix.EPERM)
	terminal{mounter{c.compiler}}.setControlling()
	p := c.spec.Process
	for i := range p.Rlimits {
		if l := &p.Rlimits[i]; l.Resource == unix.RLIMIT_NPROC {
			limits{c.compiler}.set(l, l.Soft, "set ")
		}
	}
	if c.filtersFirst() {
		c.passListener()
	}
	return nil
}

// complete compiles the last steps of the process, including those that need a right that the program may not have.
func (c *execRights) complete() error {
	p := c.spec.Process
	if c.schedulesLater() {
		limits{c.compiler}.setScheduler(p.OCI.Scheduler)
	}
	if c.filtersLater() {
		c.loadFilter()
		c.passListener()
	}
	if c.extraCaps != 0 {
		c.setCapabilities(p, c.caps)
	}
	if p.NoNewPrivs {
		c.loadFilter()
		c.passListener()
	}
	return nil
}
