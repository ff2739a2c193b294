package notify

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// serviceManager listens at name as systemd does, and sends on what it is told. A deaf one keeps what comes with a
// barrier.
func serviceManager(t *testing.T, name string, deaf bool) <-chan string {
	t.Helper()
	socket, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	must(t, err)
	must(t, unix.Bind(socket, &unix.SockaddrUnix{Name: name}))
	t.Cleanup(func() { _ = unix.Shutdown(socket, unix.SHUT_RD); _ = unix.Close(socket) })
	told := make(chan string, 9)
	go func() {
		defer close(told)
		for {
			var text [4096]byte
			var control [64]byte
			n, cn, _, _, err := unix.Recvmsg(socket, text[:], control[:], unix.MSG_CMSG_CLOEXEC)
			if err != nil || n == 0 {
				return
			}
			if cn > 0 && !deaf {
				messages, _ := unix.ParseSocketControlMessage(control[:cn])
				fds, _ := unix.ParseUnixRights(&messages[0])
				_ = unix.Close(fds[0])
			}
			told <- string(text[:n])
		}
	}()
	t.Setenv("NOTIFY_SOCKET", name)
	return told
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// newRelay is a relay, and a function by which its container speaks.
func newRelay(t *testing.T) (*Relay, func(string)) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify.sock")
	n, warning, err := NewRelay(path)
	if err != nil || warning != "" {
		t.Fatalf("error %v, warning %q", err, warning)
	}
	client, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	must(t, err)
	t.Cleanup(func() { _ = unix.Close(client) })
	return n, func(text string) {
		must(t, unix.Sendto(client, []byte(text), 0, &unix.SockaddrUnix{Name: path}))
	}
}

// program is a process to be watched; the function ends it.
func program(t *testing.T) (pid int, end func()) {
	t.Helper()
	cmd := exec.Command("sleep", "60")
	must(t, cmd.Start())
	end = func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }
	t.Cleanup(end)
	return cmd.Process.Pid, end
}

func TestRelay(t *testing.T) {
	for _, name := range []string{filepath.Join(t.TempDir(), "manager.sock"), "@rt-test-" + strconv.Itoa(os.Getpid())} {
		told := serviceManager(t, name, false)
		n, say := newRelay(t)
		pid, _ := program(t)
		pidfd, err := unix.PidfdOpen(pid, 0)
		must(t, err)
		n.Begin(pidfd)
		for _, text := range []string{
			"STATUS=READY=1", "READY=10", "MAINPID=1\nSTOPPING=1", " READY=1", "BARRIER=1",
			"STATUS=x\nREADY=1\nMAINPID=1",
		} {
			say(text)
		}
		must(t, n.Finish())
		if first, second := <-told, <-told; first != "READY=1" || second != "BARRIER=1" {
			t.Errorf("%s was told %q and %q", name, first, second)
		}
	}
}

// What was said before the end counts, silence does not keep rt waiting.
func TestRelayToTheEnd(t *testing.T) {
	told := serviceManager(t, filepath.Join(t.TempDir(), "manager.sock"), false)
	for _, text := range []string{"", "READY=1"} {
		n, say := newRelay(t)
		pid, end := program(t)
		pidfd, err := unix.PidfdOpen(pid, 0)
		must(t, err)
		if text != "" {
			say(text)
		}
		end()
		must(t, n.Wait(pidfd, 4711))
	}
	if first := <-told; first != "MAINPID=4711\nREADY=1" {
		t.Errorf("told %q", first)
	}
}

func TestRelayToADeafManager(t *testing.T) {
	defer func(limit time.Duration) { barrierLimit = limit }(barrierLimit)
	barrierLimit = 50 * time.Millisecond
	serviceManager(t, filepath.Join(t.TempDir(), "manager.sock"), true)
	n, say := newRelay(t)
	say("READY=1")
	if err := n.Wait(-1, 0); err == nil || !strings.Contains(err.Error(), "NOTIFY_SOCKET") ||
		!strings.Contains(err.Error(), "ETIMEDOUT") {
		t.Errorf("got %v", err)
	}
}

func TestRelayToNobody(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", filepath.Join(t.TempDir(), "manager.sock"))
	n, warning, err := NewRelay(filepath.Join(t.TempDir(), "notify.sock"))
	if n != nil || err != nil || !strings.Contains(warning, "is not passed on: ") {
		t.Errorf("got %v, %v, %q", n, err, warning)
	}
}

func TestWanted(t *testing.T) {
	for _, test := range []struct {
		own, environment string
		want, fails      bool
	}{
		{"", "HOME=/", false, false},
		{"/run/manager.sock", "HOME=/", true, false},
		{"@abstract", "HOME=/", true, false},
		{"/run/manager.sock", "NOTIFY_SOCKET=/its/own", false, false},
		{"relative", "HOME=/", false, true},
		{"/" + strings.Repeat("long", 30), "HOME=/", false, true},
	} {
		t.Setenv("NOTIFY_SOCKET", test.own)
		if got, err := NeedsSocket([]string{test.environment}); got != test.want || (err != nil) != test.fails {
			t.Errorf("%q, %q: got %v, %v", test.own, test.environment, got, err)
		}
	}
}
