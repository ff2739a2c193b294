package process

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"rt/libcontainer/state"
)

// The first process of a pid namespace ends last: the kernel kills the others, and waits until each of them has been
// waited for (zap_pid_ns_processes in its pid_namespace.c). A process that `rt exec` has brought into the namespace is
// waited for by that rt, outside of it. While that rt is stopped (SIGSTOP, a suspended job of a shell), nobody waits
// for it, and the container's first process can't end.

// Unreaped is a zombie of a pid namespace whose parent, which has to wait for it, is outside of the namespace.
type Unreaped struct{ Pid, Parent int }

// Hint says which process has to wait for the zombie.
func (u Unreaped) Hint() string {
	name, _ := os.ReadFile("/proc/" + strconv.Itoa(u.Parent) + "/comm")
	return "process " + strconv.Itoa(u.Parent) + " (" + strings.TrimSpace(string(name)) +
		") does not wait for its child " + strconv.Itoa(u.Pid) +
		", which has ended in the container: let it continue, or end it"
}

// AwaitDeath waits until the first process of a container, which was sent SIGKILL, has ended. A stopped rt that does
// not wait for its child in the container is continued after a while, and later killed, so that another process waits
// for the child. If all this takes longer than Patience, left are the zombies that keep the process from ending.
func AwaitDeath(pidfd, pid int) (ended bool, left []Unreaped) {
	stages := [...]struct {
		before unix.Signal // what a stopped rt is sent first; 0 for nothing
		limit  time.Duration
	}{{0, Patience / 20}, {unix.SIGCONT, Patience / 5}, {unix.SIGKILL, Patience}}
	for _, stage := range stages {
		if stage.before != 0 {
			signalReapers(findUnreaped(pid), stage.before)
		}
		if AwaitEnd(pidfd, stage.limit) {
			return true, nil
		}
	}
	return false, findUnreaped(pid)
}

// findUnreaped lists the unreaped zombies of the pid namespace of process init.
func findUnreaped(init int) (list []Unreaped) {
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
			list = append(list, Unreaped{pid, parent})
		}
	}
	return list
}

func inPidNamespace(pid int, namespace string) bool {
	link, err := os.Readlink("/proc/" + strconv.Itoa(pid) + "/ns/pid")
	return err == nil && link == namespace
}

// isRuntime reports whether a process runs rt: the file that this process runs, or an earlier one of its name, as after
// an upgrade.
func isRuntime(pid int) bool {
	program := func(pid string) string {
		path, _ := os.Readlink("/proc/" + pid + "/exe")
		return filepath.Base(strings.TrimSuffix(path, " (deleted)"))
	}
	own := program("self")
	return own != "." && program(strconv.Itoa(pid)) == own
}

// signalReapers sends a signal to the parents in list that run rt. Each parent is compared again after its pidfd is
// open: its pid may have been reused before.
func signalReapers(list []Unreaped, sig unix.Signal) {
	for _, u := range list {
		pidfd, err := unix.PidfdOpen(u.Parent, 0)
		if err != nil {
			continue
		}
		if parent, err := state.Parent(u.Pid); err == nil && parent == u.Parent && isRuntime(parent) {
			_ = unix.PidfdSendSignal(pidfd, sig, nil, 0)
		}
		_ = unix.Close(pidfd)
	}
}
