package contract

import (
	"encoding/binary"
	"encoding/json"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// files are what rt leaves for engines in files, and hands to them over sockets.
var files = []contract{
	{
		"the pid file: a number and nothing else", "containerd (go-runc, ReadPidFile), conmon (atoi)",
		"strconv.Atoi: invalid syntax, and the container is taken for dead",
		func(t *testing.T, e *engine) {
			e.ok("create", "--bundle", e.bundle, "--pid-file", e.dir+"/init.pid", "c1")
			pid, err := pidOf(e.dir + "/init.pid")
			e.must(err)
			var s state
			e.must(json.Unmarshal([]byte(e.ok("state", "c1")), &s))
			if pid != s.Pid {
				t.Errorf("the file has %d, state %d", pid, s.Pid)
			}
			e.ok("start", "c1")
			e.ok("exec", "--detach", "--pid-file", e.dir+"/exec.pid", "c1", "sleep", "60")
			pid, err = pidOf(e.dir + "/exec.pid")
			e.must(err)
			if name, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cmdline"); string(name) != "sleep\x0060\x00" {
				t.Errorf("process %d is %q, %v", pid, name, err)
			}
		},
	},
	{
		"the pid file: there at once, whole", "conmon and containerd, which watch for it", "an empty file is read",
		func(t *testing.T, e *engine) {
			e.must(os.Mkdir(e.dir+"/watched", 0o755))
			events := watch(e, e.dir+"/watched")
			e.ok("create", "--bundle", e.bundle, "--pid-file", e.dir+"/watched/init.pid", "c1")
			e.ok("start", "c1")
			e.ok("exec", "--detach", "--pid-file", e.dir+"/watched/exec.pid", "c1", "sleep", "60")
			for _, name := range []string{"init.pid", "exec.pid"} {
				if got := events()[name]; !slices.Equal(got, []uint32{unix.IN_MOVED_TO}) {
					t.Errorf("%s came by the events %#x, not by one rename", name, got)
				}
			}
			entries, err := os.ReadDir(e.dir + "/watched")
			e.must(err)
			if len(entries) != 2 {
				t.Errorf("left next to it: %v", entries)
			}
		},
	},
	{
		"--console-socket: the master of the terminal", "containerd (go-runc), conmon",
		"containers with a terminal have no input and no output",
		func(t *testing.T, e *engine) {
			e.process("sh", "-c", "read line; echo got $line; exec sleep 60")
			e.edit(func(_, process map[string]any) { process["terminal"] = true })
			s := e.listen("console.sock")
			e.ok("create", "--bundle", e.bundle, "--console-socket", s.path, "c1")
			name, master := s.receive()
			if !strings.HasPrefix(name, "/dev/") {
				t.Errorf("the message is %q, not the name of a terminal", name)
			}
			e.ok("start", "c1")
			talk(e, master, "hello\n", "got hello")
			s = e.listen("exec.sock")
			e.ok("exec", "-d", "--console-socket="+s.path, "--tty", "c1", "sh", "-c", "read line; echo again $line")
			_, master = s.receive()
			talk(e, master, "hello\n", "again hello")
		},
	},
	{
		"--console-socket where it makes no sense", "conmon and go-runc, when they have it wrong",
		"the terminal goes nowhere, silently",
		func(t *testing.T, e *engine) {
			s := e.listen("console.sock")
			if r := e.fails("create", "--bundle", e.bundle, "--console-socket", s.path,
				"c1"); !strings.Contains(r.stderr, "--console-socket") {
				t.Error(r)
			}
			e.edit(func(_, process map[string]any) { process["terminal"] = true })
			if r := e.fails("create", "--bundle", e.bundle, "c1"); !strings.Contains(r.stderr, "--console-socket") {
				t.Error(r)
			}
		},
	},
	{
		"--pidfd-socket of create, run and exec", "go-runc (pidfd.go)",
		"the caller watches a number, which may become another process's",
		func(t *testing.T, e *engine) {
			for _, c := range []struct {
				id   string
				args []string
			}{
				{"c1", []string{"create", "--bundle", e.bundle}},
				{"c2", []string{"run", "--detach", "--bundle", e.bundle}},
				{"c2", []string{"exec", "--detach"}},
			} {
				s := e.listen(c.id + c.args[0] + ".sock")
				args := append(append([]string{}, c.args...), "--pidfd-socket", s.path, "--pid-file", e.dir+"/p.pid",
					c.id)
				if c.args[0] == "exec" {
					args = append(args, "sleep", "60")
				}
				e.ok(args...)
				_, pidfd := s.receive()
				want, err := pidOf(e.dir + "/p.pid")
				e.must(err)
				if got := pidOfFD(e, pidfd); got != want {
					t.Errorf("%s: a pidfd of %d, not of %d", c.args[0], got, want)
				}
			}
		},
	},
	{
		"the annotation run.oci.pidfd_receiver names such a socket", "crun's users", "nobody tells them of the process",
		func(t *testing.T, e *engine) {
			s := e.listen("receiver.sock")
			e.edit(func(config, _ map[string]any) {
				config["annotations"] = map[string]string{"run.oci.pidfd_receiver": s.path}
			})
			e.ok("create", "--bundle", e.bundle, "--pid-file", e.dir+"/p.pid", "c1")
			_, pidfd := s.receive()
			want, err := pidOf(e.dir + "/p.pid")
			e.must(err)
			if got := pidOfFD(e, pidfd); got != want {
				t.Errorf("a pidfd of %d, not of %d", got, want)
			}
		},
	},
	{
		"NOTIFY_SOCKET: the container says that it is ready", "systemd, Type=notify", "the unit never becomes active",
		func(t *testing.T, e *engine) {
			// What comes of it is in tests/bats/notify.bats; here is where programs look for it.
			manager, err := net.ListenUnixgram("unixgram",
				&net.UnixAddr{Name: e.dir + "/manager.sock", Net: "unixgram"})
			e.must(err)
			defer func() { _ = manager.Close() }()
			e.process("sh", "-c", "echo $NOTIFY_SOCKET; [ -S $NOTIFY_SOCKET ]")
			out := e.silent(e.call(call{env: []string{"NOTIFY_SOCKET=" + e.dir + "/manager.sock"}}, "--root", e.root,
				"run", "--bundle", e.bundle, "c1"))
			if out != "/run/notify/notify.sock\n" {
				t.Errorf("the program has %q", out)
			}
		},
	},
}

// socket is where an engine waits for a descriptor.
type socket struct {
	e        *engine
	path     string
	listener *net.UnixListener
}

func (e *engine) listen(name string) *socket {
	e.t.Helper()
	path := e.dir + "/" + name
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	e.must(err)
	e.t.Cleanup(func() { _ = l.Close() })
	return &socket{e, path, l}
}

// receive takes one message, as containerd's console package and go-runc do: a text, and one descriptor. rt is done
// with it when it returns, so it is there.
func (s *socket) receive() (string, *os.File) {
	s.e.t.Helper()
	s.e.must(s.listener.SetDeadline(time.Now().Add(time.Minute)))
	c, err := s.listener.AcceptUnix()
	s.e.must(err)
	defer func() { _ = c.Close() }()
	text, control := make([]byte, 4096), make([]byte, 4096)
	n, cn, _, _, err := c.ReadMsgUnix(text, control)
	s.e.must(err)
	messages, err := unix.ParseSocketControlMessage(control[:cn])
	s.e.must(err)
	if len(messages) != 1 {
		s.e.t.Fatalf("%d control messages", len(messages))
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	s.e.must(err)
	if len(fds) != 1 {
		s.e.t.Fatalf("%d descriptors", len(fds))
	}
	f := os.NewFile(uintptr(fds[0]), string(text[:n]))
	s.e.t.Cleanup(func() { _ = f.Close() })
	return string(text[:n]), f
}

// talk says something to the program at a terminal, and waits for its answer.
func talk(e *engine, master *os.File, say, want string) {
	e.t.Helper()
	_, err := master.WriteString(say)
	e.must(err)
	var heard strings.Builder
	for !strings.Contains(heard.String(), want) {
		fds := []unix.PollFd{{Fd: int32(master.Fd()), Events: unix.POLLIN}}
		if n, err := unix.Poll(fds, 10_000); n < 1 && err != unix.EINTR {
			e.t.Fatalf("heard %q, not %q", heard.String(), want)
		}
		var text [256]byte
		n, err := unix.Read(int(master.Fd()), text[:])
		if err != nil && err != unix.EAGAIN {
			e.t.Fatalf("heard %q, not %q: %v", heard.String(), want, err)
		}
		heard.Write(text[:max(n, 0)])
	}
}

// pidOfFD is the process of a pidfd.
func pidOfFD(e *engine, f *os.File) int {
	e.t.Helper()
	text, err := os.ReadFile("/proc/self/fdinfo/" + strconv.Itoa(int(f.Fd())))
	e.must(err)
	for line := range strings.Lines(string(text)) {
		if pid, ok := strings.CutPrefix(line, "Pid:"); ok {
			n, err := strconv.Atoi(strings.TrimSpace(pid))
			e.must(err)
			return n
		}
	}
	e.t.Fatalf("that is no pidfd:\n%s", text)
	return 0
}

// watch watches a directory. The function that it returns tells what has happened to each name.
func watch(e *engine, dir string) func() map[string][]uint32 {
	e.t.Helper()
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	e.must(err)
	e.t.Cleanup(func() { _ = unix.Close(fd) })
	_, err = unix.InotifyAddWatch(fd, dir, unix.IN_CREATE|unix.IN_MOVED_TO|unix.IN_MODIFY)
	e.must(err)
	seen := make(map[string][]uint32)
	return func() map[string][]uint32 {
		var text [4096]byte
		for {
			n, err := unix.Read(fd, text[:])
			if err != nil || n < unix.SizeofInotifyEvent {
				return seen
			}
			for b := text[:n]; len(b) >= unix.SizeofInotifyEvent; {
				mask, length := binary.NativeEndian.Uint32(b[4:]), binary.NativeEndian.Uint32(b[12:])
				name := strings.TrimRight(string(b[unix.SizeofInotifyEvent:][:length]), "\x00")
				seen[name] = append(seen[name], mask)
				b = b[unix.SizeofInotifyEvent+length:]
			}
		}
	}
}
