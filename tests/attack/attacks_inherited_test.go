package attack

import (
	"os"
	"os/exec"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// What a container inherits from rt's caller without being meant to, and keyrings, which are found by their names.

func init() { add(attacksOnInheritance) }

var attacksOnInheritance = []attack{
	{
		name: "LISTEN_FDS", what: "it is of another process, and the container gets what rt's caller has left open",
		try: func(s *stage) string {
			d, err := os.Open(s.victim)
			must(s.t, err)
			defer d.Close()
			s.env = append(s.env, "LISTEN_FDS=1", "LISTEN_PID=1")
			s.Config.args("ls", "/proc/self/fd/3/")
			s.save()
			out, _ := s.rtWith(func(cmd *exec.Cmd) { cmd.ExtraFiles = []*os.File{d} }, "run", "--bundle", s.bundle,
				s.newID())
			if strings.Contains(out, "folder") {
				return "the host's directory: " + strings.Join(strings.Fields(out), " ")
			}
			return ""
		},
		without: []way{{patches: []patch{{
			"libcontainer/inspect/process.go", `if text == "" || os.Getenv("LISTEN_PID") !=`,
			`if text == "" || !OFF && os.Getenv("LISTEN_PID") !=`,
		}}}},
	},
	{
		name: "signals of rt's caller", what: "it ignores HUP, as under nohup(1), and so does the container",
		try: func(s *stage) string {
			return s.immune(unix.SIGHUP, "trap '' HUP; exec \"$0\" \"$@\"")
		},
		// A handler of rt's own ends with its execve(2), and the signal is not ignored then.
		without: []way{{edit: "drop reset SIGHUP", patches: []patch{{
			"libcontainer/foreground/signals.go", "		switch n {\n		case unix.SIGCHLD, unix.SIGURG,",
			"		if OFF && n == unix.SIGHUP {\n			continue\n		}\n		switch n {\n" +
				"		case unix.SIGCHLD, unix.SIGURG,",
		}}}},
	},
	{
		name: "signals of rt's caller", what: "it blocks USR1, and the container never receives it",
		try: func(s *stage) string {
			return s.immune(unix.SIGUSR1, "exec "+hostile+" blocking \"$0\" \"$@\"")
		},
		without: []way{{edit: "drop unblock the signals"}},
	},
	{
		name: "keyrings", what: "a container joins the one of another, whose name it knows or has read",
		try: func(s *stage) string {
			s.Config.at("linux")["maskedPaths"] = []string{}
			must(s.t, os.Link(hostile, s.path("bin/hostile")))
			if s.up("hostile", "keyring", "fill") == 0 {
				s.t.Fatal("no container")
			}
			if !within(patience(), func() bool { return exists(s.path("filled")) }) {
				s.t.Skip("needs keyrings")
			}
			out, _ := s.run("hostile", "keyring", "join", "_ses."+s.id)
			if strings.Contains(out, "hush") {
				return "it has read the secret: " + strings.TrimSpace(out)
			}
			return ""
		},
		without: []way{
			{patches: []patch{{
				"libcontainer/inspect/keyring.go", "	return \"_ses.\" + id",
				"	if OFF {\n		return \"_ses.\" + id, nil\n	}\n	return \"_ses.\" + id",
			}}},
			// Whoever may view a keyring reads its name in /proc/keys.
			{edit: "set 2 0x3f090000 allow processes that join"},
		},
	},
}

// immune creates a container by a script of a shell that executes rt, and reports whether its program ignores or blocks
// a signal.
func (s *stage) immune(n unix.Signal, script string) string {
	s.Config.args("sh", "-c", "grep -E '^Sig(Ign|Blk)' /proc/self/status >/tmp/set; touch /tmp/done")
	s.save()
	s.rtWith(func(cmd *exec.Cmd) {
		cmd.Args = append([]string{"sh", "-c", script, cmd.Path}, cmd.Args[1:]...)
		cmd.Path = "/bin/sh"
	}, "create", "--bundle", s.bundle, s.newID())
	if out, status := s.rt("start", s.id); status != 0 {
		s.t.Fatal("no container: " + out)
	}
	if !within(patience(), func() bool { return exists(s.path("tmp/done")) }) {
		s.t.Fatal("the program says nothing")
	}
	text, err := s.read("tmp/set")
	must(s.t, err)
	for line := range strings.Lines(text) {
		name, mask, _ := strings.Cut(strings.TrimSpace(line), ":\t")
		if bits, err := strconv.ParseUint(mask, 16, 64); err != nil || bits&(1<<(n-1)) != 0 {
			return name + " " + mask
		}
	}
	return ""
}

// fullSocket returns the path of a socket whose queue of connections is full, and which nobody accepts from.
func (s *stage) fullSocket() string {
	path := s.dir + "/full"
	socket, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	must(s.t, err)
	s.t.Cleanup(func() { _ = unix.Close(socket) })
	must(s.t, unix.Bind(socket, &unix.SockaddrUnix{Name: path}))
	must(s.t, unix.Listen(socket, 0))
	first, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	must(s.t, err)
	s.t.Cleanup(func() { _ = unix.Close(first) })
	must(s.t, unix.Connect(first, &unix.SockaddrUnix{Name: path}))
	return path
}
