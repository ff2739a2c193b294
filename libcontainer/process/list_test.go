package process

import (
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"rt/internal/sys"
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
	set, err := strconv.ParseUint(sys.StatusFields(text, "CapBnd")[0], 16, 64)
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

// TestFindTracerAbove has a pid namespace whose processes may not trace, below one whose first process may.
func TestFindTracerAbove(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	const script = "unshare --pid --fork setpriv --bounding-set=-sys_ptrace sh -c 'echo; sleep 60' & wait"
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
	if _, err := out.Read(make([]byte, 1)); err != nil { // the inner one runs
		t.Fatal(err)
	}
	outer, inner := open(t, "/proc/"+strconv.Itoa(cmd.Process.Pid)+"/ns/pid"), -1
	entries, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		text, _ := os.ReadFile("/proc/" + e.Name() + "/status")
		if pids := sys.StatusFields(text, "NSpid"); len(pids) == 3 && pids[2] == "1" && isBelow(t, outer, e.Name()) {
			inner = open(t, "/proc/"+e.Name()+"/ns/pid")
		}
	}
	if inner < 0 {
		t.Fatal("there is no inner pid namespace")
	}
	if pid, err := FindTracer(inner); pid == 0 || err != nil {
		t.Errorf("FindTracer: %d, %v", pid, err)
	}
}

// isBelow reports whether the pid namespace of a process is a child of another one.
func isBelow(t *testing.T, outer int, pid string) bool {
	t.Helper()
	parent, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(open(t, "/proc/"+pid+"/ns/pid")), unix.NS_GET_PARENT, 0)
	if errno != 0 {
		return false
	}
	defer func() { _ = unix.Close(int(parent)) }()
	var a, b unix.Stat_t
	return unix.Fstat(outer, &a) == nil && unix.Fstat(int(parent), &b) == nil && a.Ino == b.Ino
}

// open opens a file until the end of the test.
func open(t *testing.T, path string) int {
	t.Helper()
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(fd) })
	return fd
}
