package rest

import (
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"testing"
	"time"
)

func TestIs(t *testing.T) {
	sleeps, runs := start(t, "exec sleep 600"), start(t, "while :; do :; done")
	until(t, "a sleep is at rest", func() bool { return Is(sleeps.Pid) })
	for range 20 {
		if Is(runs.Pid) {
			t.Fatal("a loop is at rest")
		}
		time.Sleep(time.Millisecond)
	}
	must(t, sleeps.Signal(syscall.SIGSTOP))
	until(t, "a stopped process is at rest", func() bool { return Is(sleeps.Pid) && state(sleeps.Pid) == "T" })
	must(t, sleeps.Signal(syscall.SIGTERM)) // it takes it when it continues
	if Is(sleeps.Pid) || Ended(sleeps.Pid) {
		t.Error("a process with a pending signal is at rest, or has ended")
	}
	must(t, sleeps.Signal(syscall.SIGCONT))
	until(t, "a process that got SIGTERM has ended", func() bool { return Ended(sleeps.Pid) })
	if state(sleeps.Pid) != "Z" || !Is(sleeps.Pid) {
		t.Error("a zombie is not at rest")
	}
	if Ended(os.Getpid()) || !Ended(1<<22+1) {
		t.Error("this process has ended, or one that can't be has not")
	}
}

func state(pid int) string {
	if f := stat("/proc/" + strconv.Itoa(pid) + "/stat"); f != nil {
		return f[0]
	}
	return ""
}

func start(t *testing.T, script string) *os.Process {
	t.Helper()
	cmd := exec.Command("/bin/sh", "-c", script)
	must(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return cmd.Process
}

func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it is not so: " + what)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
