package attack

import (
	"os"
	"os/exec"
	"strings"

	"golang.org/x/sys/unix"
)

// A program of the host's that exec --host-binary executes in a container.

func init() { add(attacksOnHostBinaries) }

var attacksOnHostBinaries = []attack{
	{
		name: "--host-binary", what: "the container keeps the program open, and writes to the host's file",
		try: func(s *stage) string {
			program := s.hostProgram()
			s.up("sh", "-c", `while :; do for p in /proc/[0-9]*; do case $p in /proc/1) continue;; esac
				command exec 9<$p/exe || continue; touch /held; while [ ! -e /go ]; do sleep 0.01; done
				echo overwritten >>/proc/self/fd/9; touch /done; sleep 60; done; done`)
			var cmd *exec.Cmd
			done := make(chan struct{})
			go func() {
				defer close(done)
				s.rtWith(func(c *exec.Cmd) { cmd = c }, "exec", "--host-binary", program, s.id, "sleep", "600")
			}()
			if !within(patience(), func() bool { return exists(s.path("held")) }) {
				s.t.Fatal("the container has not found the program")
			}
			must(s.t, cmd.Process.Signal(unix.SIGTERM)) // rt passes it on
			<-done
			must(s.t, os.WriteFile(s.path("go"), nil, 0o644))
			if !within(patience(), func() bool { return exists(s.path("done")) }) {
				s.t.Fatal("the container has not written")
			}
			if text, err := os.ReadFile(program); err != nil || strings.HasSuffix(string(text), "overwritten\n") {
				return "the host's program is overwritten"
			}
			return ""
		},
		without: []way{{patches: []patch{{
			"libcontainer/exec.go", "	return nsenter.Seal(file, dir)",
			"	if OFF {\n		return unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)\n	}\n" +
				"	return nsenter.Seal(file, dir)",
		}}}},
	},
	{
		name: "--host-binary", what: "a neighbour with CAP_SYS_PTRACE finds what leads to the host in its process",
		try: func(s *stage) string {
			return s.findsOfJoining("exec", "--host-binary", busybox, "ID", "true")
		},
		without: []way{{
			on: "exec",
			edit: "drop close the descriptors that rt passed\ndrop close every other descriptor\ndrop " +
				"PR_SET_DUMPABLE\nwait /fifo execute",
		}},
	},
}

// hostProgram puts a copy of busybox on the host, and returns its path.
func (s *stage) hostProgram() string {
	text, err := os.ReadFile(busybox)
	must(s.t, err)
	path := s.dir + "/busybox"
	must(s.t, os.WriteFile(path, text, 0o755))
	return path
}
