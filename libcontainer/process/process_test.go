package process

import (
	"os"
	"os/exec"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"rt/libcontainer/state"
)

func TestOpenComparesTheStartTime(t *testing.T) {
	child := exec.Command("sleep", "60")
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	pid := child.Process.Pid
	start, err := state.StartTime(pid)
	if err != nil {
		t.Fatal(err)
	}
	if fd, err := Open(pid, start+1); fd >= 0 || err != nil {
		t.Error("another process of the same pid is opened")
	}
	Kill(pid, start+1)
	pidfd, err := Open(pid, start)
	if pidfd < 0 || err != nil {
		t.Fatal("the process is not found")
	}
	defer func() { _ = unix.Close(pidfd) }()
	if AwaitEnd(pidfd, 50*time.Millisecond) {
		t.Error("another process's kill has ended it")
	}
	Kill(pid, start)
	if !AwaitEnd(pidfd, Patience) {
		t.Fatal("it does not end")
	}
	if name, zombie := Name(pid); name != "sleep" || !zombie {
		t.Errorf("before it is waited for: %q, %v", name, zombie)
	}
	if fd, err := Open(pid, start); fd >= 0 || err != nil {
		t.Error("a zombie is opened")
	}
	status, err := Wait(pid)
	if err != nil || ExitStatus(status) != 128+int(unix.SIGKILL) {
		t.Errorf("%v, %v", status, err)
	}
}

func TestEnds(t *testing.T) {
	for sig, want := range map[unix.Signal]bool{
		unix.SIGTERM: true, unix.SIGUSR1: true, unix.SIGCHLD: false, unix.SIGWINCH: false, 0: false,
	} {
		if Terminates(sig) != want {
			t.Errorf("%v: %v", sig, !want)
		}
	}
}

// A pid that a thread of another process has now is that of a process that has ended: pidfd_open(2) says so with
// EINVAL.
func TestOpenOfAThread(t *testing.T) {
	tid := make(chan int)
	end := make(chan struct{})
	defer close(end)
	for range 8 { // one of them is not the first thread of this process
		go func() {
			runtime.LockOSThread()
			tid <- unix.Gettid()
			<-end
		}()
	}
	for range 8 {
		id := <-tid
		if id == os.Getpid() {
			continue
		}
		if pidfd, err := Open(id, 1); pidfd >= 0 || err != nil {
			t.Errorf("thread %d: %d, %v", id, pidfd, err)
		}
	}
}
