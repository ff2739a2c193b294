package rules

import (
	"encoding/binary"

	"golang.org/x/sys/unix"

	"rt/nsenter"
)

// applyFailure updates s for a failure of step that does not end the process: its register holds no descriptor.
func (s *State) applyFailure(_ *Walk, step *nsenter.Step) {
	if step.To != nsenter.Nowhere {
		s.put(step.To, Descriptor{})
	}
	if step.Forks() {
		s.becomeChild(step) // 0, a result below the least that is a success
	}
}

// becomeChild updates s to the state of the process that step clones.
func (s *State) becomeChild(step *nsenter.Step) {
	s.Seen = s.Seen || s.Joined
	if cloneFlags(step)&unix.CLONE_NEWUSER != 0 {
		s.Users = true
		s.Rights = held{everything, everything, everything}
	}
}

// applySuccess updates s for a success of step.
func (s *State) applySuccess(w *Walk, step *nsenter.Step) {
	if s.applyOpen(w, step) {
		return
	}
	switch step.Call {
	case nsenter.MoveMount, nsenter.Mount, nsenter.MountSetattr:
		s.applyMount(w, step)
	case nsenter.Dup3, nsenter.Close, nsenter.CloseRange:
		s.applyNumbers(w, step)
	case nsenter.Fchdir, nsenter.Chroot, nsenter.PivotRoot:
		s.applyDirectory(step)
	default:
		s.applyRights(w, step)
	}
	if step.To != nsenter.Nowhere {
		s.put(step.To, Descriptor{})
	}
}

// applyOpen updates s for a step that stores a descriptor in its register, and reports whether step does.
func (s *State) applyOpen(w *Walk, step *nsenter.Step) bool {
	a := step.Args
	switch step.Call {
	case nsenter.Openat, nsenter.Openat2, nsenter.OpenTree:
		bare := s.copiesBare(w, step)
		s.storeDescriptor(step.To, s.found(w, step))
		s.Regs[step.To].Bare = bare
		s.recordLookup(w, step)
		return true
	case nsenter.Fsopen, nsenter.Fsmount:
		s.storeDescriptor(step.To, s.named(w, step, NewMount))
		return true
	case nsenter.Socket, nsenter.Accept4:
		s.storeDescriptor(step.To, Anonymous)
		return true
	case nsenter.Seccomp:
		if step.To != nsenter.Nowhere { // the listener
			s.Loaded = true
			s.storeDescriptor(step.To, Anonymous)
			return true
		}
	case nsenter.Fcntl:
		if command, _ := w.Known(&a[1]); command == unix.F_DUPFD_CLOEXEC || command == unix.F_DUPFD {
			s.storeDescriptor(step.To, s.named(w, step, s.kindOf(&a[0])))
			return true
		}
	case nsenter.Ioctl:
		if request, _ := w.Known(&a[1]); request == unix.TIOCGPTPEER {
			s.storeDescriptor(step.To, s.kindOf(&a[0]))
			return true
		}
	}
	return false
}

// applyMount updates s for a step that attaches or restricts a mount.
func (s *State) applyMount(w *Walk, step *nsenter.Step) {
	a := step.Args
	switch step.Call {
	case nsenter.MoveMount:
		if r, ok := a[2].Reg(); ok {
			w.recordAttached(s.Regs[r].Lookup)
		}
	case nsenter.Mount:
		if path, _ := a[1].Text(); path == "." && !w.alters(step) {
			w.recordAttached(s.CwdLookup)
		}
	case nsenter.MountSetattr:
		s.applySetattr(step)
	}
}

// applyNumbers updates s for a step that duplicates a descriptor to a number, or closes numbers.
func (s *State) applyNumbers(w *Walk, step *nsenter.Step) {
	a := step.Args
	switch step.Call {
	case nsenter.Dup3:
		r, ok := a[0].Reg()
		s.DupAgain = ok && s.Regs[r].Again
		if n, ok := w.Known(&a[1]); ok && int(n) >= w.FirstFD && s.kindOf(&a[0]) != Anonymous {
			s.Fixed = s.Fixed.with(span{int(n), int(n)})
		}
	case nsenter.Close:
		if r, ok := a[0].Reg(); ok {
			s.forget(r, s.Regs[r].Where)
		} else if n, ok := w.Known(&a[0]); ok {
			s.closeNumbers(w, int(n), int(n))
		}
	case nsenter.CloseRange:
		first, _ := w.Known(&a[0])
		last, _ := w.Known(&a[1])
		if flags, ok := w.Known(&a[2]); ok && flags == 0 {
			s.closeNumbers(w, int(first), int(last))
		}
	}
}

// applyDirectory updates s for a step that changes the working directory or the root directory.
func (s *State) applyDirectory(step *nsenter.Step) {
	switch step.Call {
	case nsenter.Fchdir:
		a := &step.Args[0]
		s.Cwd, s.CwdAgain, s.CwdLookup = Host, false, 0
		if r, ok := a.Reg(); ok {
			s.CwdAgain, s.CwdLookup = s.Regs[r].Again, s.Regs[r].Lookup
		}
		if s.kindOf(a) == OfContainer {
			s.Cwd = Container
		}
	case nsenter.Chroot:
		s.Root = s.Cwd
	case nsenter.PivotRoot:
		s.Root = Container
	}
}

// applyRights updates s for a step that changes the namespaces, ids or rights of the process.
func (s *State) applyRights(w *Walk, step *nsenter.Step) {
	a := step.Args
	switch step.Call {
	case nsenter.Setns:
		s.applySetns(w, step)
	case nsenter.Unshare:
		flags, _ := w.Known(&a[0])
		s.Users = s.Users || flags&unix.CLONE_NEWUSER != 0
	case nsenter.Setresgid, nsenter.Setresuid:
		s.Hidden = false // the kernel sets what fs.suid_dumpable says: proc_sys_fs(5)
	case nsenter.Prctl:
		s.applyPrctl(w, step)
	case nsenter.Capset:
		if data, ok := a[1].Bytes(); ok && len(data) == 24 {
			s.Rights.Effective, s.Rights.Permitted = capabilities(data), capabilities(data[4:])
		}
	case nsenter.Seccomp:
		s.Loaded = true
	}
}

// capabilities returns one set in the data of capset(2): its two halves are 12 bytes apart.
func capabilities(data string) uint64 {
	le := binary.NativeEndian
	return uint64(le.Uint32([]byte(data[:4]))) | uint64(le.Uint32([]byte(data[12:16])))<<32
}

// kindOf returns the kind of a descriptor operand. A fixed one is the host's.
func (s *State) kindOf(a *nsenter.Arg) Kind {
	if r, ok := a.Reg(); ok {
		return s.Regs[r].Kind
	}
	return OfHost
}

// rootRegister is the name of the register with the root file system of the container, whichever step opened it.
const rootRegister = "root"

// named returns the kind of the descriptor that a step stores in its register.
func (s *State) named(w *Walk, step *nsenter.Step, kind Kind) Kind {
	if int(step.To) < len(w.Regs) && w.Regs[step.To] == rootRegister {
		return OfContainer
	}
	return kind
}

// found returns the kind of the file that a step looks up.
func (s *State) found(w *Walk, step *nsenter.Step) Kind {
	kind := OfHost
	switch path, _ := step.Args[1].Text(); {
	case path != "" && path[0] == '/' && s.Root&Container != 0,
		path != "" && path[0] != '/' && step.Args[0].IsCwd() && s.Cwd&Container != 0:
		kind = OfContainer
	case !step.Args[0].IsCwd():
		kind = s.kindOf(&step.Args[0])
	}
	if step.Call == nsenter.OpenTree && kind == OfHost {
		kind = HostMount
	}
	return s.named(w, step, kind)
}

// closeNumbers closes the numbers from first to last.
func (s *State) closeNumbers(w *Walk, first, last int) {
	ctl := w.Number(w.Ctl)
	var closed Where
	if first <= ctl+1 && last >= 1<<31 {
		s.Leaked, closed = false, Above
	}
	if s.Holes.empty() || first <= s.Holes.first && last >= s.Holes.last {
		closed |= Among
	}
	if closed != 0 {
		for r := range s.Regs[:s.Opened+1] {
			s.forget(nsenter.Reg(r), closed)
		}
		s.Lost &^= closed
	}
	s.Fixed = s.Fixed.without(span{first, last})
	if first < ctl {
		s.Holes = s.Holes.with(span{max(first, w.FirstFD), min(last, ctl-1)})
	}
}

// forget updates s for a close of what register r holds, if its number is among those of closed.
func (s *State) forget(r nsenter.Reg, closed Where) {
	d := &s.Regs[r]
	if d.Where&closed == 0 {
		return
	}
	d.Where &^= closed
	s.Closed.add(r)
}

// applySetns updates s for a setns(2).
func (s *State) applySetns(w *Walk, step *nsenter.Step) {
	flags, _ := w.Known(&step.Args[1])
	if flags&(unix.CLONE_NEWUSER|unix.CLONE_NEWPID) != 0 {
		s.Joined = true
	}
	s.Pids = s.Pids || flags&unix.CLONE_NEWPID != 0
	s.Users = s.Users || flags&unix.CLONE_NEWUSER != 0
	if flags&unix.CLONE_NEWUSER != 0 {
		s.Seen, s.Hidden = true, false // see Setresuid: the new rights are not among the old
		s.Rights = held{everything, everything, everything}
	}
	if flags&unix.CLONE_NEWNS != 0 && w.Joining {
		s.Root, s.Cwd = Container, Container
	}
}

// applyPrctl updates s for a prctl(2).
func (s *State) applyPrctl(w *Walk, step *nsenter.Step) {
	option, _ := w.Known(&step.Args[0])
	value, known := w.Known(&step.Args[1])
	switch {
	case option == unix.PR_SET_DUMPABLE:
		s.Hidden = known && value == 0
	case option == unix.PR_CAPBSET_DROP && known:
		s.Rights.Bounding &^= 1 << value
	case option == unix.PR_SET_NO_NEW_PRIVS && known && value == 1:
		s.Secured = true
	}
}
