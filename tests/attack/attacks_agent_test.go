package attack

import (
	"errors"
	"net"
	"os/exec"
	"strings"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The agent of linux.seccomp.listenerPath, which decides about calls of a container, and is nobody whom rt waits for.

func init() { add(attacksWithAgents) }

var attacksWithAgents = []attack{
	{
		name: "seccomp agent", what: "the program finds the listener among its descriptors, and answers its own calls",
		try: func(s *stage) string {
			s.newAgent("mkdir", "mkdirat")
			if out, _ := s.run("ls", "-l", "/proc/self/fd"); strings.Contains(out, "seccomp notify") {
				return "the listener is open: " + strings.Join(strings.Fields(out), " ")
			}
			return ""
		},
		without: []way{{edit: "set 2 0 linux.seccomp.listenerPath: duplicate the listener"}},
	},
	{
		name: "seccomp agent", what: "the program of exec finds it there",
		try: func(s *stage) string {
			s.newAgent("mkdir", "mkdirat")
			if s.up("sleep", "60") == 0 {
				s.t.Fatal("no container")
			}
			if out, _ := s.rt("exec", s.id, "ls", "-l", "/proc/self/fd"); strings.Contains(out, "seccomp notify") {
				return "the listener is open: " + strings.Join(strings.Fields(out), " ")
			}
			return ""
		},
		without: []way{{on: "exec", edit: "set 2 0 linux.seccomp.listenerPath: duplicate the listener"}},
	},
	{
		name: "seccomp agent", what: "its queue of connections is full, and rt waits for it",
		try: func(s *stage) string {
			s.newAgent("mkdir", "mkdirat")
			s.Config.at("linux", "seccomp")["listenerPath"] = s.fullSocket()
			return waits(s.run("true"))
		},
		waits: true,
		without: []way{{patches: []patch{{
			"libcontainer/listener/agent.go", "case time.Now().After(deadline):",
			"case !OFF && time.Now().After(deadline):",
		}}}},
	},
	{
		name: "seccomp agent", what: "it answers when rt start was told to end, and the program runs after all",
		try: func(s *stage) string {
			a := s.newAgent("execve")
			s.Config.args("sh", "-c", "echo ran >/ran")
			s.save()
			if out, status := s.rt("create", "--bundle", s.bundle, s.newID()); status != 0 {
				s.t.Fatal("no container: " + out)
			}
			status := -1
			done := make(chan struct{})
			var cmd *exec.Cmd
			go func() {
				defer close(done)
				_, status = s.rtWith(func(c *exec.Cmd) { cmd = c }, "start", s.id)
			}()
			listener := <-a.listeners
			if !called(listener) {
				s.t.Fatal("the program is not executed")
			}
			must(s.t, cmd.Process.Signal(unix.SIGTERM))
			<-done
			defer func() { _ = unix.Close(listener) }()
			ran := s.runs()
			if status == 0 {
				s.t.Fatal("rt start has succeeded")
			}
			if ran {
				return "the container runs"
			}
			return ""
		},
		waits: true,
		without: []way{{patches: []patch{{
			"libcontainer/start.go", "		s.kill()\n		return err\n	}\n	if err := failure.Executed",
			"		if !OFF {\n			s.kill()\n		}\n		return err\n	}\n" +
				"	if err := failure.Executed",
		}}}},
	},
	{
		name: "seccomp agent", what: "it answers when rt exec was told to end, and the program runs after all",
		try: func(s *stage) string {
			a := s.newAgent("execve")
			s.Config.args("/bin/sleep", "60")
			s.save()
			if out, status := s.rt("create", "--bundle", s.bundle, s.newID()); status != 0 {
				s.t.Fatal("no container: " + out)
			}
			go letContinue(a)
			if out, status := s.rt("start", s.id); status != 0 {
				s.t.Fatal("no container: " + out)
			}
			done := make(chan struct{})
			var cmd *exec.Cmd
			go func() {
				defer close(done)
				s.rtWith(func(c *exec.Cmd) { cmd = c }, "exec", s.id, "/bin/sh", "-c", "echo ran >/ran")
			}()
			listener := <-a.listeners
			if !called(listener) {
				s.t.Fatal("the program is not executed")
			}
			must(s.t, cmd.Process.Signal(unix.SIGTERM))
			<-done
			a.listeners <- listener
			if letContinue(a) && s.succeeds(func() bool { return exists(s.path("ran")) }) {
				return "the program has run"
			}
			return ""
		},
		waits: true,
		without: []way{{patches: []patch{{
			"libcontainer/join/join.go", "		p.end()\n		return 0, err\n",
			"		if !OFF {\n			p.end()\n		}\n		return 0, err\n",
		}}}},
	},
}

// called waits for a call that a listener is to answer, and reports whether there is one. There is none if no process
// with the filter is left.
func called(listener int) bool {
	fds := []unix.PollFd{{Fd: int32(listener), Events: unix.POLLIN}}
	n, err := 0, error(unix.EINTR)
	for errors.Is(err, unix.EINTR) {
		n, err = unix.Poll(fds, int(patience()/time.Millisecond))
	}
	return n == 1 && fds[0].Revents&unix.POLLIN != 0
}

// letContinue answers the first call of the next listener: the kernel is to make it. It reports whether there was one.
func letContinue(a *agent) bool {
	listener := <-a.listeners
	if !called(listener) {
		return false
	}
	var call [10]uint64 // struct seccomp_notif
	_, _, _ = unix.Syscall(unix.SYS_IOCTL, uintptr(listener), unix.SECCOMP_IOCTL_NOTIF_RECV,
		uintptr(unsafe.Pointer(&call)))
	answer := [3]uint64{call[0], 0, unix.SECCOMP_USER_NOTIF_FLAG_CONTINUE << 32} // struct seccomp_notif_resp
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(listener), unix.SECCOMP_IOCTL_NOTIF_SEND,
		uintptr(unsafe.Pointer(&answer)))
	return errno == 0
}

// agent is a seccomp agent.
type agent struct{ listeners chan int }

// newAgent listens at linux.seccomp.listenerPath for those who are to answer calls, and answers none.
func (s *stage) newAgent(calls ...string) *agent {
	path := s.dir + "/agent"
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	must(s.t, err)
	s.t.Cleanup(func() { _ = l.Close() })
	s.Config.at("linux")["seccomp"] = map[string]any{
		"defaultAction": "SCMP_ACT_ALLOW", "listenerPath": path,
		"syscalls": []any{map[string]any{"names": calls, "action": "SCMP_ACT_NOTIFY"}},
	}
	a := &agent{listeners: make(chan int, 9)}
	go func() {
		for {
			conn, err := l.AcceptUnix()
			if err != nil {
				return
			}
			go a.serve(conn)
		}
	}()
	return a
}

func (a *agent) serve(conn *net.UnixConn) {
	defer conn.Close()
	text, control := make([]byte, 64<<10), make([]byte, 64)
	_, n, _, _, err := conn.ReadMsgUnix(text, control)
	if err != nil {
		return
	}
	messages, err := unix.ParseSocketControlMessage(control[:n])
	if err != nil || len(messages) == 0 {
		return
	}
	if fds, err := unix.ParseUnixRights(&messages[0]); err == nil {
		a.listeners <- fds[0]
	}
}

// runs says whether the last container runs.
func (s *stage) runs() bool {
	out, _ := s.rt("state", s.id)
	return strings.Contains(out, `"running"`)
}
