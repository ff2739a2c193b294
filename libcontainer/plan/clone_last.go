package plan

import (
	"golang.org/x/sys/unix"

	"rt/nsenter"
	"rt/spec"
)

// A container that joins a pid namespace of others, and has no user namespace, is made by a process that those can't
// see: in the host's pid namespace, in the container's other namespaces. With CAP_SYS_PTRACE they could trace one that
// they see, dumpable or not, and use its rights over the host, without which it could not mount anything. So the
// container's process is cloned last, as one of exec is, with the rights of the program. With a user namespace
// PR_SET_DUMPABLE keeps them away, unless they have CAP_SYS_PTRACE in rt's: inspect.Create refuses to join those.
//
// The new procfs is the exception: it shows the pid namespace of the process that mounts it, but for the option pidns
// of Linux 6.18.

// AsksForPidNS reports whether the plan of s depends on Options.ProcPidNS.
func AsksForPidNS(s *spec.Spec) bool {
	n := &s.Namespaces
	return n.Joined(unix.CLONE_NEWPID) != nil && !n.Has(unix.CLONE_NEWUSER) && s.Process != nil && !allowsOneTask(s)
}

// allowsOneTask reports whether the container's cgroup allows one process only, which then can't clone another.
func allowsOneTask(s *spec.Spec) bool {
	l := s.OCI.Linux
	return l != nil && l.Resources != nil && l.Resources.Pids != nil && l.Resources.Pids.Limit != nil &&
		*l.Resources.Pids.Limit == 1
}

// clonesLast reports whether the container's process is cloned when everything is made.
func clonesLast(s *spec.Spec, o *Options) bool {
	return AsksForPidNS(s) && (o.ProcPidNS || !mountsProc(s))
}

// mountsProc reports whether the container gets a new procfs.
func mountsProc(s *spec.Spec) bool {
	for i := range s.Mounts {
		if m := &s.Mounts[i]; m.Type == "proc" && !m.Bind && !m.Remount {
			return true
		}
	}
	return false
}

// clonesProgram reports whether the process that has made everything clones the one that becomes the program.
func (c *compiler) clonesProgram() bool { return c.joins != joinsNone || c.plan.ClonedLast }

// trustsNeighbours reports whether other processes in a joined pid namespace could trace the container's process while
// it has rights over the host: if it can't be cloned last.
func (c *compiler) trustsNeighbours() bool {
	n := &c.spec.Namespaces
	return c.joins == joinsNone && n.Joined(unix.CLONE_NEWPID) != nil && !n.Has(unix.CLONE_NEWUSER) &&
		!c.plan.ClonedLast
}

// joinPid joins the pid namespace for the children of this process. The process itself stays outside.
func (c namespaces) joinPid() error {
	c.clearDumpable()
	c.join(unix.CLONE_NEWPID)
	return nil
}

// setPidNamespace gives the new procfs in regFS the pid namespace that is joined: Documentation/filesystems/proc.rst,
// pidns.
func (c fileSystems) setPidNamespace(origin string) {
	fd, ok := c.findFile(func(f *File) bool { return f.Kind == FileNamespace && f.Flag == unix.CLONE_NEWPID })
	if !ok || !c.plan.ClonedLast {
		return
	}
	c.call(origin, "set the pid namespace that it shows", nsenter.Fsconfig, nsenter.Val(regFS),
		nsenter.Flags(&nsenter.FsCommands, unix.FSCONFIG_SET_FD), nsenter.Str("pidns"), nsenter.Null, nsenter.Num(fd))
}

// lastParts returns the last parts of a plan whose process is cloned last.
func (c container) lastParts() []part {
	b := c.compiler
	r := &execRights{rights: rights{b}}
	return []part{
		{"pid namespace", namespaces{b}.joinPid},
		{"descriptors", start{b}.closeDescriptors},
		{"find the program", program{b}.find},
		{"limits and scheduling", limits{b}.compile},
		{"rights", r.drop},
		{"the process", r.cloneProcess},
		{"wait for start", start{b}.awaitStart},
		{"final rights", r.complete},
		{"program", program{b}.execute},
	}
}
