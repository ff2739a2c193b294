package libcontainer

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unsafe"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/libcontainer/plan"
	"rt/libcontainer/state"
	"rt/nsenter"
	"rt/seccomp"
)

// listenerID is the container of these tests, with a name that nobody else's cgroup has.
var listenerID = "listener-" + strconv.Itoa(os.Getpid())

// agent is a seccomp agent: it takes listeners at a socket, and answers each call with an errno.
type agent struct {
	path  string
	given chan specs.ContainerProcessState
	asked chan string // the names of the calls
}

// newAgent starts one that answers errno.
func newAgent(t *testing.T, errno unix.Errno) *agent {
	t.Helper()
	a := &agent{
		path: filepath.Join(t.TempDir(), "agent.sock"), given: make(chan specs.ContainerProcessState, 9),
		asked: make(chan string, 99),
	}
	socket, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	must(t, err)
	must(t, unix.Bind(socket, &unix.SockaddrUnix{Name: a.path}))
	must(t, unix.Listen(socket, 1))
	t.Cleanup(func() { _ = unix.Shutdown(socket, unix.SHUT_RD); _ = unix.Close(socket) })
	go func() {
		for {
			fd, _, err := unix.Accept4(socket, unix.SOCK_CLOEXEC)
			if err != nil {
				return
			}
			listener, text := receiveAll(fd)
			_ = unix.Close(fd)
			var given specs.ContainerProcessState
			if json.Unmarshal(text, &given) == nil && listener >= 0 {
				a.given <- given
				go a.answer(listener, errno)
			}
		}
	}()
	return a
}

// receiveAll reads a connection to its end: the text, and the one descriptor that came with its start.
func receiveAll(fd int) (passed int, text []byte) {
	passed = -1
	for {
		var data [7]byte // in many parts
		var control [64]byte
		n, cn, _, _, err := unix.Recvmsg(fd, data[:], control[:], unix.MSG_CMSG_CLOEXEC)
		if err != nil || n == 0 {
			return passed, text
		}
		if messages, err := unix.ParseSocketControlMessage(control[:cn]); err == nil && len(messages) == 1 {
			if fds, err := unix.ParseUnixRights(&messages[0]); err == nil && len(fds) == 1 {
				passed = fds[0]
			}
		}
		text = append(text, data[:n]...)
	}
}

func (a *agent) answer(listener int, errno unix.Errno) {
	defer func() { _ = unix.Close(listener) }()
	for {
		fds := []unix.PollFd{{Fd: int32(listener), Events: unix.POLLIN}}
		if _, err := unix.Poll(fds, -1); err != nil && err != unix.EINTR || fds[0].Revents&^unix.POLLIN != 0 {
			return
		}
		// struct seccomp_notif and struct seccomp_notif_resp of linux/seccomp.h
		var n struct {
			id            uint64
			pid, flags    uint32
			number, audit uint32
			rest          [240]byte
		}
		if !ioctl(listener, unix.SECCOMP_IOCTL_NOTIF_RECV, unsafe.Pointer(&n)) {
			continue
		}
		_, name := seccomp.CallName(n.audit, n.number)
		a.asked <- name
		ioctl(listener, unix.SECCOMP_IOCTL_NOTIF_SEND, unsafe.Pointer(&struct {
			id    uint64
			value int64
			errno int32
			rest  [44]byte
		}{id: n.id, errno: -int32(errno)}))
	}
}

func ioctl(fd int, request uintptr, arg unsafe.Pointer) bool {
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), request, uintptr(arg))
	return errno == 0
}

// askAgent makes a config ask the agent at path about mkdir and mkdirat.
func askAgent(config map[string]any, path string) {
	config["linux"].(map[string]any)["seccomp"] = map[string]any{
		"defaultAction": "SCMP_ACT_ALLOW", "listenerPath": path, "listenerMetadata": "of \"mine\"",
		"syscalls": []any{map[string]any{"names": []string{"mkdir", "mkdirat"}, "action": "SCMP_ACT_NOTIFY"}},
	}
	config["annotations"] = map[string]any{"a": "b"}
}

// saw checks what the agent was told, and that it was asked.
func (a *agent) saw(t *testing.T, want specs.ContainerProcessState) {
	t.Helper()
	const patience = time.Minute
	select {
	case got := <-a.given:
		if got.Version != "1.3.0" || len(got.Fds) != 1 || got.Fds[0] != specs.SeccompFdName ||
			got.Metadata != `of "mine"` {
			t.Errorf("the agent got %+v", got)
		}
		if got.Pid != want.Pid || got.State.Pid != want.State.Pid || got.State.Status != want.State.Status {
			t.Errorf("the agent got pid %d of a %s container of pid %d, not %d, %s, %d", got.Pid, got.State.Status,
				got.State.Pid, want.Pid, want.State.Status, want.State.Pid)
		}
		if got.State.Bundle != want.State.Bundle || got.State.ID != listenerID || got.State.Version != "1.3.0" ||
			got.State.Annotations["a"] != "b" {
			t.Errorf("the agent got the state %+v", got.State)
		}
	case <-time.After(patience):
		t.Fatal("the agent got no listener")
	}
	select {
	case name := <-a.asked:
		if !strings.HasPrefix(name, "mkdir") {
			t.Errorf("the agent was asked about %s", name)
		}
	case <-time.After(patience):
		t.Fatal("the agent was not asked")
	}
}

// TestListener has an agent answer for containers that come about in each way there is.
func TestListener(t *testing.T) {
	a := newAgent(t, unix.EXDEV)
	bundle, out := newBundle(t, nil), t.TempDir()
	said := func() string {
		text, _ := os.ReadFile(filepath.Join(out, "said"))
		return string(text)
	}
	const answered = "mkdir: can't create directory '/out/new': Invalid cross-device link\n"
	try := func(noNewPrivs bool, uid int, script string) {
		must(t, os.RemoveAll(filepath.Join(out, "said"))) // of another user
		writeConfig(t, bundle, func(config map[string]any) {
			askAgent(config, a.path)
			process := config["process"].(map[string]any)
			process["args"] = []string{"/bin/busybox", "sh", "-c", script}
			process["noNewPrivileges"] = noNewPrivs
			process["user"] = map[string]any{"uid": uid, "gid": 0}
			addMount(config, map[string]any{"destination": "/out", "source": out, "options": []string{"bind"}})
		})
	}
	const mkdir = "exec >/out/said 2>&1; echo $$; busybox mkdir /out/new"
	must(t, os.Chmod(out, 0o777))
	r := &tested{Runtime: Runtime{Root: t.TempDir()}}
	for _, noNewPrivs := range []bool{false, true} {
		for _, uid := range []int{0, 7} {
			try(noNewPrivs, uid, mkdir)
			pidFile := filepath.Join(out, "pid")
			status, err := r.run(listenerID, &RunOptions{CreateOptions: CreateOptions{
				Bundle:  bundle,
				PidFile: pidFile,
			}})
			if text := said(); err != nil || status != 1 || text != "1\n"+answered {
				t.Fatalf("run: status %d, %v, and the container sees %q", status, err, text)
			}
			pid := readPid(t, pidFile)
			a.saw(t, specs.ContainerProcessState{
				Pid:   pid,
				State: specs.State{Status: specs.StateCreated, Pid: pid, Bundle: bundle},
			})
		}
	}
	t.Run("create, start, exec", func(t *testing.T) {
		try(true, 0, mkdir+"; exec busybox sleep 60")
		must(t, r.create(listenerID, &CreateOptions{Bundle: bundle}))
		defer func() { must(t, r.forceDelete(listenerID)) }()
		s := stateOf(t, r, listenerID)
		must(t, r.start(listenerID))
		a.saw(t, specs.ContainerProcessState{
			Pid:   s.Pid,
			State: specs.State{Status: specs.StateCreated, Pid: s.Pid, Bundle: bundle},
		})
		eventually(t, "the answer is seen", func() bool { return strings.HasSuffix(said(), answered) })
		pidFile := filepath.Join(out, "pid")
		o := &ExecOptions{PidFile: pidFile}
		o.Args = []string{"/bin/busybox", "sh", "-c", mkdir}
		status, err := r.exec(listenerID, o)
		if text := said(); err != nil || status != 1 || !strings.HasSuffix(text, answered) {
			t.Fatalf("exec: status %d, %v, and the container sees %q", status, err, text)
		}
		a.saw(t, specs.ContainerProcessState{
			Pid:   readPid(t, pidFile),
			State: specs.State{Status: specs.StateRunning, Pid: s.Pid, Bundle: bundle},
		})
	})
}

func readPid(t *testing.T, path string) (pid int) {
	t.Helper()
	text, err := os.ReadFile(path)
	must(t, err)
	must(t, json.Unmarshal(text, &pid))
	return pid
}

func stateOf(t *testing.T, r *tested, id string) *state.State {
	t.Helper()
	s, _, err := r.storedState(id)
	must(t, err)
	return s
}

// TestAgentMissing has nobody at the socket. What is asked before the end of the boot process must not keep it from
// ending either.
func TestAgentMissing(t *testing.T) {
	nobody := filepath.Join(t.TempDir(), "agent.sock")
	bundle := newBundle(t, func(config map[string]any) {
		askAgent(config, nobody)
		calls := config["linux"].(map[string]any)["seccomp"].(map[string]any)["syscalls"].([]any)[0].(map[string]any)
		calls["names"] = []string{"read", "write", "exit_group", "execve"}
	})
	r := &tested{Runtime: Runtime{Root: t.TempDir()}}
	check := func(how string, err error) {
		t.Helper()
		var e *diag.Error
		if !errors.As(err, &e) || e.Field != "linux.seccomp.listenerPath" || e.Value != nobody || e.Call != "connect" ||
			e.Errno != unix.ENOENT {
			t.Errorf("%s: %+v", how, err)
		}
	}
	_, err := r.run(listenerID, &RunOptions{CreateOptions: CreateOptions{Bundle: bundle}})
	check("run", err)
	if list, err := os.ReadDir(r.Root); err != nil || len(list) != 0 {
		t.Errorf("left: %v, %v", list, err)
	}
	must(t, r.create(listenerID, &CreateOptions{Bundle: bundle}))
	check("start", r.start(listenerID))
	eventually(t, "the container is stopped", func() bool {
		_, status, err := r.storedState(listenerID)
		return err == nil && status == state.Stopped
	})
	must(t, r.delete(listenerID))
}

// TestListenerStepsFail fails each step by which the listener is passed.
func TestListenerStepsFail(t *testing.T) {
	a := newAgent(t, unix.EXDEV)
	bundle := newBundle(t, func(config map[string]any) { askAgent(config, a.path) })
	failed := 0
	for _, denied := range []nsenter.Call{nsenter.Seccomp, nsenter.Dup3, nsenter.Sendmsg, nsenter.Read} {
		r := &tested{Runtime: Runtime{Root: t.TempDir()}}
		r.edit = func(p *plan.Plan) {
			loaded := false
			for i := range p.Steps {
				s := &p.Steps[i]
				if loaded = loaded || s.Call == nsenter.Seccomp; loaded && s.Call == denied {
					s.Fault = unix.EIO
					failed++
				}
			}
		}
		_, err := r.run(listenerID, &RunOptions{CreateOptions: CreateOptions{Bundle: bundle}})
		var e *diag.Error
		if !errors.As(err, &e) || e.Call != denied.String() || e.Errno != unix.EIO {
			t.Errorf("%v: %+v", denied, err)
		}
		if list, err := os.ReadDir(r.Root); err != nil || len(list) != 0 {
			t.Errorf("%v: left: %v, %v", denied, list, err)
		}
	}
	if failed != 4 {
		t.Errorf("%d steps have failed, not 4", failed)
	}
}

// TestObserve sees the calls of a container, those of the same name as the hand-over's too, and not the hand-over's
// own.
func TestObserve(t *testing.T) {
	bundle := newBundle(t, func(config map[string]any) {
		config["linux"].(map[string]any)["seccomp"] = map[string]any{"defaultAction": "SCMP_ACT_KILL"}
		config["process"].(map[string]any)["args"] = []string{
			"/bin/busybox", "sh", "-c",
			"read line </proc/self/comm; busybox true & wait; exit 3",
		}
	})
	var seen seccomp.Recorder
	status, err := (&tested{Runtime: Runtime{Root: t.TempDir()}}).run(listenerID,
		&RunOptions{CreateOptions: CreateOptions{Bundle: bundle, Recorder: &seen}})
	if err != nil || status != 3 || len(seen.Unnamed) != 0 {
		t.Fatalf("status %d, %v, %v", status, err, seen.Unnamed)
	}
	profile := seen.Profile()
	if len(profile.Syscalls) != 2 || !slices.Contains(profile.Syscalls[0].Names, "execve") ||
		slices.Contains(profile.Syscalls[0].Names, "wait4") || slices.Contains(profile.Syscalls[0].Names, "read") {
		t.Fatalf("rt's own calls are not apart: %v", profile.Syscalls)
	}
	names := slices.Concat(profile.Syscalls[0].Names, profile.Syscalls[1].Names)
	for _, want := range []string{"execve", "read", "wait4", "exit_group"} {
		if !slices.Contains(names, want) {
			t.Errorf("%s was not seen", want)
		}
	}
	// On arm64, which has no dup2(2), the shell's redirection is a dup3(2) as rt's is.
	never := []string{"sendmsg", "seccomp", "mkdir"}
	if runtime.GOARCH == "amd64" {
		never = append(never, "dup3")
	}
	for _, never := range never {
		if slices.Contains(names, never) {
			t.Errorf("%s was seen", never)
		}
	}
	var e *diag.Error
	_, err = (&tested{Runtime: Runtime{Root: t.TempDir()}}).run(listenerID,
		&RunOptions{CreateOptions: CreateOptions{Bundle: bundle, Recorder: &seen}, Detach: true})
	if !errors.As(err, &e) || e.Field != "--seccomp-record" {
		t.Errorf("detached: %v", err)
	}
}
