package rules

import (
	"encoding/binary"

	"golang.org/x/sys/unix"

	"rt/nsenter"
)

// notDumpable is rule R3: the /proc entries of a boot process (root, fd, mem: proc(5), ptrace(2)) are closed to
// processes of a container from the first moment that they can see it until it is the program. A change of the ids may
// make a process dumpable (fs.suid_dumpable), so it has to be hidden again.
func notDumpable(w *Walk, _ int, s *nsenter.Step) string {
	state := w.State
	flags := uint64(0)
	if s.Call == nsenter.Setns {
		flags, _ = w.Known(&s.Args[1])
	}
	appears := s.Forks() && state.Joined || flags&(unix.CLONE_NEWUSER|unix.CLONE_NEWPID) != 0
	if state.Hidden || !state.Seen && !appears {
		return ""
	}
	switch s.Call {
	case nsenter.Setresgid, nsenter.Setresuid, nsenter.ExitGroup:
		return ""
	case nsenter.Prctl:
		if option, _ := w.Known(&s.Args[0]); option == unix.PR_SET_DUMPABLE {
			return ""
		}
	}
	return "PR_SET_DUMPABLE is not 0, or not again after a change of the ids"
}

// rights is rule R4: see Subject.Rights.
func rights(w *Walk, _ int, s *nsenter.Step) string {
	want, state := w.Rights, w.State
	if want == nil {
		return ""
	}
	switch s.Call {
	case nsenter.Execve, nsenter.Execveat:
		switch {
		case state.Rights.Bounding&^want.Bounding != 0:
			return "the bounding set may be larger than process.capabilities.bounding"
		case state.Rights.Permitted&^want.Permitted != 0 || state.Rights.Effective&^want.Effective != 0:
			return "more capabilities may be permitted than process.capabilities.permitted"
		case want.NoNewPrivs && !state.Secured:
			return "no_new_privs may not be set"
		case want.Filter && !state.Loaded:
			return "the filter may not be loaded"
		}
	case nsenter.Seccomp:
		if !state.Secured && want.NoNewPrivs {
			return "no_new_privs comes before the filter"
		}
	case nsenter.Clone, nsenter.Clone3:
		switch {
		case !w.exposes(s):
		case state.Rights.Bounding&^want.Bounding != 0:
			return "the process may be born with a larger bounding set than process.capabilities.bounding"
		case state.Rights.Permitted&^(want.Permitted|want.Extra) != 0:
			return "the process may be born with more capabilities than process.capabilities.permitted"
		}
	default:
		if want.NoNewPrivs && state.Loaded && !underFilter(s.Call) {
			return "with no_new_privs the filter is loaded last, so that the profile need not allow rt's calls"
		}
	}
	return ""
}

// exposes reports whether the process that s clones is met by processes of a container that may trace it, with
// CAP_SYS_PTRACE in its user namespace: not where it, or the one that clones it, enters a user namespace, since then
// PR_SET_DUMPABLE closes it to all that don't have CAP_SYS_PTRACE in the host's.
func (w *Walk) exposes(s *nsenter.Step) bool {
	if w.Joining {
		return true
	}
	return w.State.Pids && !w.State.Users && !w.Trusting && cloneFlags(s)&unix.CLONE_NEWUSER == 0
}

// cloneFlags returns the flags of a clone3(2); for clone(2), which makes no namespaces, none.
func cloneFlags(s *nsenter.Step) uint64 {
	if args, ok := s.Args[0].Bytes(); ok && s.Call == nsenter.Clone3 {
		return binary.NativeEndian.Uint64([]byte(args[:8]))
	}
	return 0
}

// underFilter reports whether a call may come between the filter and the program: those that pass its listener to rt.
func underFilter(call nsenter.Call) bool {
	switch call {
	case nsenter.Dup3, nsenter.Sendmsg, nsenter.Read, nsenter.ExitGroup:
		return true
	}
	return false
}
