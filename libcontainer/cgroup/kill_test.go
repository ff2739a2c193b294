package cgroup

import (
	"os/exec"
	"slices"
	"testing"
	"time"

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
	time.Sleep(50 * time.Millisecond)
	var status unix.WaitStatus
	if n, _ := unix.Wait4(stranger, &status, unix.WNOHANG, nil); n != 0 {
		t.Error("a process outside of the cgroup was signalled")
	}
	_ = cmds[1].Process.Kill()
	_ = cmds[1].Wait()
}
