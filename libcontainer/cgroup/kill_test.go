package cgroup

import (
	"os/exec"
	"slices"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// TestSignalMembers has a process be among those that were listed, and not be in the cgroup any more: another one with
// the pid of a process that has ended.
func TestSignalMembers(t *testing.T) {
	var pids [2]int
	var cmds [2]*exec.Cmd
	for i := range pids {
		cmds[i] = exec.Command("sleep", "60")
		if err := cmds[i].Start(); err != nil {
			t.Fatal(err)
		}
		pids[i] = cmds[i].Process.Pid
	}
	member, stranger := pids[0], pids[1]
	sent, err := signalMembers([]int{0, stranger, member, 1 << 22},
		func() ([]int, error) { return []int{0, member}, nil },
		unix.SIGTERM)
	if err != nil || !slices.Equal(sent, []int{member}) {
		t.Errorf("%v, sent to %v", err, sent)
	}
	if err := cmds[0].Wait(); err == nil {
		t.Error("the member was not signalled")
	}
	// The first signal that ends a process is the one of its status.
	_ = cmds[1].Process.Kill()
	_ = cmds[1].Wait()
	if status := cmds[1].ProcessState.Sys().(syscall.WaitStatus); status.Signal() != unix.SIGKILL {
		t.Errorf("a process outside of the cgroup was signalled, and has ended: %#x", status)
	}
}
