package libcontainer

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"rt/libcontainer/state"
)

// The first process of a pid namespace ends last: the kernel kills the others, and waits until each of them was waited
// for (zap_pid_ns_processes in its pid_namespace.c). One that `rt exec` has brought into the namespace is waited for by
// that rt, outside of it. If rt is stopped (SIGSTOP, a suspended job of a shell), nobody does, and nothing that lives
// in the container can be killed any more.

// unreaped is a process of a pid namespace that has ended, and that a process outside of the namespace is to wait for.
type unreaped struct{ pid, parent int }

// unreapedIn lists those of the pid namespace that the process init is in.
func unreapedIn(init int) (list []unreaped) {
	namespace, err := os.Readlink("/proc/" + strconv.Itoa(init) + "/ns/pid")
	if err != nil {
		return nil
	}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == init || !inPidNamespace(pid, namespace) || !state.Zombie(pid) {
			continue
		}
		if parent, err := state.Parent(pid); err == nil && parent > 0 && !inPidNamespace(parent, namespace) {
			list = append(list, unreaped{pid, parent})
		}
	}
	return list
}

func inPidNamespace(pid int, namespace string) bool {
	link, err := os.Readlink("/proc/" + strconv.Itoa(pid) + "/ns/pid")
	return err == nil && link == namespace
}

// isRuntime reports whether a process runs rt: the program that this process runs, or an earlier one of its name, as
// after an upgrade.
func isRuntime(pid int) bool {
	program := func(pid string) string {
		path, _ := os.Readlink("/proc/" + pid + "/exe")
		return filepath.Base(strings.TrimSuffix(path, " (deleted)"))
	}
	own := program("self")
	return own != "." && program(strconv.Itoa(pid)) == own
}

// endOf waits until the first process of a container, which was killed, has ended. An rt that does not wait for its
// child is told to go on, and then killed: another process waits for its child then. It returns the processes that are
// left to be waited for by others, if it was in vain.
func endOf(pidfd, pid int) (ended bool, left []unreaped) {
	moments := [...]struct {
		before unix.Signal
		limit  time.Duration
	}{{0, patience / 20}, {unix.SIGCONT, patience / 5}, {unix.SIGKILL, patience}}
	for _, m := range moments {
		if m.before != 0 {
			signalReapers(unreapedIn(pid), m.before)
		}
		if waitEnd(pidfd, m.limit) {
			return true, nil
		}
	}
	return false, unreapedIn(pid)
}

// signalReapers sends a signal to those who are to wait for the processes of list and are rt. The pid is looked at
// again when there is a descriptor of the process: until then it may have become another's.
func signalReapers(list []unreaped, sig unix.Signal) {
	for _, u := range list {
		pidfd, err := unix.PidfdOpen(u.parent, 0)
		if err != nil {
			continue
		}
		if parent, err := state.Parent(u.pid); err == nil && parent == u.parent && isRuntime(parent) {
			_ = unix.PidfdSendSignal(pidfd, sig, nil, 0)
		}
		_ = unix.Close(pidfd)
	}
}

// unreapedHint says who is to wait for what is left.
func unreapedHint(left []unreaped) string {
	u := left[0]
	name, _ := os.ReadFile("/proc/" + strconv.Itoa(u.parent) + "/comm")
	return "process " + strconv.Itoa(u.parent) + " (" + strings.TrimSpace(string(name)) +
		") does not wait for its child " + strconv.Itoa(u.pid) +
		", which has ended in the container: let it go on, or end it"
}
