package attack

// An engine that has called rt, and does not take what it has asked for.

func init() { add(attacksByEngines) }

// sendWaits has rt wait for an engine that does not accept a connection.
var sendWaits = patch{
	"libcontainer/engine/pid.go", "	if err := unix.Connect(socket, &unix.SockaddrUnix{Name: path}); err != nil {\n",
	"	if OFF {\n		_ = unix.SetNonblock(socket, false)\n	}\n" +
		"	if err := unix.Connect(socket, &unix.SockaddrUnix{Name: path}); err != nil {\n",
}

var attacksByEngines = []attack{
	{
		name: "console socket", what: "its queue of connections is full, and rt waits for it",
		try: func(s *stage) string {
			s.Config.at("process")["terminal"] = true
			return s.waitsAt("create", "--console-socket")
		},
		waits:   true,
		without: []way{{patches: []patch{sendWaits}}},
	},
	{
		name: "pidfd socket", what: "its queue of connections is full, and rt waits for it",
		try:     func(s *stage) string { return s.waitsAt("create", "--pidfd-socket") },
		waits:   true,
		without: []way{{patches: []patch{sendWaits}}},
	},
	{
		name: "pid file", what: "it is a FIFO that nobody reads, and rt waits for who does",
		try: func(s *stage) string {
			must(s.t, makeFIFO(s.dir+"/pid"))
			return s.waitsFor("create", "--pid-file", s.dir+"/pid")
		},
		waits: true,
		without: []way{{patches: []patch{{
			"libcontainer/engine/pid.go", "	flags := unix.O_WRONLY | unix.O_NOFOLLOW | unix.O_NONBLOCK |" +
				" unix.O_NOCTTY | unix.O_CLOEXEC\n",
			"	flags := unix.O_WRONLY | unix.O_NOFOLLOW | unix.O_NONBLOCK | unix.O_NOCTTY | unix.O_CLOEXEC\n" +
				"	if OFF {\n		flags &^= unix.O_NONBLOCK\n	}\n",
		}}}},
	},
}

// waitsAt runs a command with an option for a socket that is full, and says whether rt waits.
func (s *stage) waitsAt(command, option string) string {
	return s.waitsFor(command, option, s.fullSocket())
}

// waitsFor runs a command that makes the container, and says whether rt waits.
func (s *stage) waitsFor(command string, options ...string) string {
	s.Config.args("true")
	s.save()
	return waits(s.rt(append(append([]string{command, "--bundle", s.bundle}, options...), s.newID())...))
}

// waits says whether a command of rt took longer than it may, which is longer than rt waits for anything.
func waits(_ string, status int) string {
	if status == -1 {
		return "rt waits"
	}
	return ""
}
