package attack

import (
	"net"
	"os"
	"strings"
	"time"
)

// What others can put where rt expects a file, or an answer, to make it wait forever.

func init() { add(attacksByWaiting) }

var attacksByWaiting = []attack{
	{
		name: "FIFO", what: "it replaces state.json of one container, and the list of all waits for who writes to it",
		try: func(s *stage) string {
			if s.up("sleep", "60") == 0 {
				s.t.Fatal("no container")
			}
			file := s.state + "/" + s.id + "/state.json"
			text, err := os.ReadFile(file)
			must(s.t, err)
			must(s.t, os.Remove(file))
			must(s.t, makeFIFO(file))
			_, status := s.rt("list")
			must(s.t, os.Remove(file))
			must(s.t, os.WriteFile(file, text, 0o600)) // for who ends the container
			if status == -1 {
				return "rt waits"
			}
			return ""
		},
		waits: true,
		without: []way{{patches: []patch{{
			"libcontainer/state/file.go",
			"	fd, err := unix.Openat(c.fd, name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_NOCTTY|" +
				"unix.O_CLOEXEC, 0)\n",
			"	flags := unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC\n" +
				"	if OFF {\n		flags &^= unix.O_NONBLOCK\n	}\n" +
				"	fd, err := unix.Openat(c.fd, name, flags, 0)\n",
		}}}},
	},
	{
		name: "FIFO", what: "it is in the directory of --overlay, where rt looks for the container that uses it",
		try: func(s *stage) string {
			dir := s.dir + "/overlay"
			must(s.t, os.Mkdir(dir, 0o755))
			must(s.t, makeFIFO(dir+"/used-by"))
			s.Config.args("true")
			s.save()
			if _, status := s.rt("run", "--overlay", dir, "--bundle", s.bundle, s.newID()); status == -1 {
				return "rt waits"
			}
			return ""
		},
		waits: true,
		without: []way{{patches: []patch{{
			"libcontainer/overlay/overlay.go",
			"	fd, err := unix.Openat(d.fd, usedBy, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NOFOLLOW|unix.O_NONBLOCK, " +
				"0)\n",
			"	flags := unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NOFOLLOW|unix.O_NONBLOCK\n" +
				"	if OFF {\n		flags &^= unix.O_NONBLOCK\n	}\n" +
				"	fd, err := unix.Openat(d.fd, usedBy, flags, 0)\n",
		}}}},
	},
	{
		name: "seccomp agent", what: "it reads a little of the state now and then",
		try: func(s *stage) string {
			s.newAgent("mkdir", "mkdirat")
			path := s.dir + "/slow"
			l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
			must(s.t, err)
			s.t.Cleanup(func() { _ = l.Close() })
			go readSlowly(l)
			s.Config.at("linux", "seccomp")["listenerPath"] = path
			// More than the socket holds: the agent gets it with the state of the container.
			s.Config["annotations"] = map[string]any{"org.example.long": strings.Repeat("x", 2<<20)}
			return waits(s.run("true"))
		},
		waits: true,
		without: []way{{patches: []patch{{
			"libcontainer/listener/agent.go", "		err := retry(deadline, func() error {\n",
			"		if OFF {\n			deadline = time.Now().Add(agentLimit)\n		}\n" +
				"		err := retry(deadline, func() error {\n",
		}}}},
	},
}

// readSlowly accepts one connection, and reads from it every other second.
func readSlowly(l *net.UnixListener) {
	conn, err := l.AcceptUnix()
	if err != nil {
		return
	}
	defer conn.Close()
	part := make([]byte, 64<<10)
	for {
		if _, err := conn.Read(part); err != nil {
			return
		}
		time.Sleep(2 * time.Second)
	}
}
