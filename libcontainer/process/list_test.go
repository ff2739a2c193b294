package process

import (
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// TestFirst has a process that is the first one of a pid namespace, and one that is not.
func TestFirst(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	const script = "sleep 60 & echo $!; wait"
	cmd := exec.Command("sh", "-c", script)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWPID, Pdeathsig: syscall.SIGKILL}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}()
	if _, err := out.Read(make([]byte, 16)); err != nil { // the second one runs
		t.Fatal(err)
	}
	fd, err := unix.Open("/proc/"+strconv.Itoa(cmd.Process.Pid)+"/ns/pid", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Close(fd) }()
	for who, first := range map[string]func(int) int{"the kernel": First, "/proc": findFirst} {
		if got := first(fd); got != cmd.Process.Pid {
			t.Errorf("%s has %d, not %d", who, got, cmd.Process.Pid)
		}
	}
	// Both have the bounding set of this test, and its user namespace.
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	set, err := strconv.ParseUint(statusFields(text, "CapBnd")[0], 16, 64)
	if err != nil {
		t.Fatal(err)
	}
	expected := set&(1<<unix.CAP_SYS_PTRACE) != 0
	if pid, err := FindTracer(fd); (pid != 0) != expected || err != nil {
		t.Errorf("FindTracer: %d, %v; in the bounding set: %v", pid, err, expected)
	}
	own, err := unix.Open("/proc/self/ns/pid", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Close(own) }()
	if pid, err := FindTracer(own); pid != 0 || err != nil {
		t.Errorf("FindTracer of the own pid namespace: %d, %v", pid, err)
	}
}
