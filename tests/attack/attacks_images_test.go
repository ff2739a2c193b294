package attack

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"rt/tests/internal/criu"
)

// Images of a checkpoint that somebody else has written, or whose directory somebody else can write to.

func init() { add(attacksByImages) }

// honest are images that give what the default config gives.
var honest = criu.Image{
	Bounding: []int{unix.CAP_AUDIT_WRITE, unix.CAP_KILL, unix.CAP_NET_BIND_SERVICE}, NoNewPrivs: true,
}

var attacksByImages = []attack{
	{
		name: "images", what: "their list of descriptors is a link to a FIFO, which nobody writes to",
		try: func(s *stage) string {
			s.images(honest)
			must(s.t, makeFIFO(s.dir+"/fifo"))
			must(s.t, os.Symlink("../fifo", s.dir+"/images/descriptors.json"))
			return s.restoreHangs()
		},
		waits: true,
		without: []way{{patches: []patch{{
			"libcontainer/checkpoint/files.go",
			"descriptorsFile, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)",
			"descriptorsFile, map[bool]int{false: unix.O_CLOEXEC | unix.O_NOFOLLOW | unix.O_NONBLOCK}[OFF], 0)",
		}}}},
	},
	{
		name: "images", what: "their list of descriptors is so large that rt has no memory left",
		try: func(s *stage) string {
			const size, tooMuch = 256 << 20, 128 << 10 // bytes; kB
			s.images(honest)
			must(s.t, os.WriteFile(s.dir+"/images/descriptors.json", nil, 0o600))
			must(s.t, os.Truncate(s.dir+"/images/descriptors.json", size))
			var cmd *exec.Cmd
			s.restore(func(c *exec.Cmd) { cmd = c })
			if used := cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss; used > tooMuch {
				return fmt.Sprintf("rt has used %d kB", used)
			}
			return ""
		},
		without: []way{{patches: []patch{{
			"libcontainer/checkpoint/files.go", "sys.ReadSmall(fd, 1<<20)",
			"sys.ReadSmall(fd, map[bool]int{false: 1 << 20, true: 1 << 40}[OFF])",
		}}}},
	},
	{
		name: "images", what: "one of them is a FIFO, for which CRIU waits",
		try: func(s *stage) string {
			s.images(honest)
			must(s.t, makeFIFO(s.dir+"/images/core-1.img"))
			return s.restoreHangs()
		},
		waits: true,
		without: []way{{patches: []patch{{
			"libcontainer/checkpoint/images.go", "if e.Type()&^(os.ModeDir|os.ModeSymlink) != 0 {",
			"if !OFF && e.Type()&^(os.ModeDir|os.ModeSymlink) != 0 {",
		}}}},
	},
	{
		name: "images", what: "CRIU never comes to an end with them, and TERM does not end rt",
		try: func(s *stage) string {
			facts := s.dir + "/facts"
			s.images(criu.Image{Hangs: true, Facts: facts})
			status, done := 0, make(chan struct{})
			var cmd *exec.Cmd
			go func() {
				defer close(done)
				_, status = s.restore(func(c *exec.Cmd) { cmd = c })
			}()
			if !within(patience(), func() bool { _, err := os.Stat(facts); return err == nil }) {
				s.t.Fatal("CRIU was not asked")
			}
			terminate(cmd)
			<-done
			switch status {
			case 0:
				s.t.Fatal("the restore succeeds")
			case -1:
				return "rt hangs"
			}
			return ""
		},
		waits: true,
		without: []way{{patches: []patch{{
			"libcontainer/criu/process.go", "if p.interrupted != nil && !time.Now().Before(p.deadline) {",
			"if p.interrupted != nil && !time.Now().Before(p.deadline) && !OFF {",
		}}}},
	},
	{
		name: "images", what: "every user can write to their directory, and has written them",
		try: func(s *stage) string {
			s.images(honest)
			must(s.t, os.Chmod(s.dir+"/images", 0o777))
			return s.resumed()
		},
		without: []way{{patches: []patch{{
			"libcontainer/checkpoint/images.go", "st.Uid, st.Mode = 0, st.Mode&^0o020",
			"st.Uid, st.Mode = 0, st.Mode&^map[bool]uint32{false: 0o020, true: 0o022}[OFF]",
		}}}},
	},
	{
		name: "images", what: "their directory is another user's, who has put a link where CRIU writes",
		try: func(s *stage) string {
			s.images(honest)
			images := s.dir + "/images"
			must(s.t, os.Remove(images+"/inventory.img"))
			must(s.t, os.Symlink(s.victim+"/file", images+"/inventory.img"))
			must(s.t, os.Chown(images, 1000, 1000))
			if s.up("sleep", "60") == 0 {
				s.t.Fatal("no container")
			}
			s.rt("checkpoint", "--image-path", images, "--leave-running", s.id)
			return s.harmed()
		},
		without: []way{{patches: []patch{{
			"libcontainer/checkpoint/images.go", `problem != "" {`, `problem != "" && !(OFF && write) {`,
		}}}},
	},
	{
		name: "images", what: "the mount point of a mount is below a link to the host by now",
		try: func(s *stage) string {
			s.images(honest)
			must(s.t, os.Symlink(s.victim, s.path("volume")))
			s.Config.mount("/volume/sub", "tmpfs", "tmpfs", "mode=755")
			s.restore(nil)
			return s.harmed()
		},
		without: []way{{patches: []patch{{
			"libcontainer/rootfs/mountpoint.go",
			"		err = sys.MakeInRoot(root, path, dir, unix.RESOLVE_NO_XDEV)\n",
			"		err = sys.MakeInRoot(root, path, dir, unix.RESOLVE_NO_XDEV)\n" +
				"		if OFF {\n" +
				"			err = os.MkdirAll(\"/proc/self/fd/\"+strconv.Itoa(root)+path, 0o755)\n		}\n",
		}}}},
	},
	{
		name: "images", what: "the log of their restore has control characters for the operator's terminal",
		try: func(s *stage) string {
			s.images(criu.Image{Log: "(00.1) Error (criu/x.c:1): the file \x1b]0;title\a is damaged\n"})
			if out, _ := s.restore(nil); strings.ContainsAny(out, "\x1b\a") {
				return out
			}
			return ""
		},
		without: []way{{patches: []patch{{
			"internal/diag/printable.go", "	if at == len(text) {", "	if at == len(text) || OFF {",
		}}}},
	},
	{
		name: "images", what: "they give a process capabilities that the config does not",
		try: func(s *stage) string {
			more := honest
			more.Bounding = append(slices.Clone(more.Bounding), unix.CAP_SYS_ADMIN)
			s.images(more)
			return s.resumed()
		},
		without: []way{{patches: []patch{{
			"libcontainer/checkpoint/restore_rights.go", "if more := all &^",
			"if more := all &^ 0; OFF {\n	} else if more = all &^",
		}}}},
	},
	{
		name: "images", what: "they give capabilities to a thread that is not the first one of its process",
		try: func(s *stage) string {
			more := honest
			more.Thread = true
			s.images(more)
			return s.resumed()
		},
		without: []way{{patches: []patch{{
			"libcontainer/checkpoint/restore_rights.go", "	for _, t := range threads {\n",
			"	if OFF {\n		threads = pids\n	}\n	for _, t := range threads {\n",
		}}}},
	},
	{
		name: "images", what: "they give capabilities to a process that is not the container's first",
		try: func(s *stage) string {
			more := honest
			more.Second = true
			s.images(more)
			return s.resumed()
		},
		without: []way{{patches: []patch{{
			"libcontainer/checkpoint/restore_rights.go", "	threads, err := threadsOf(pids)\n",
			"	if OFF {\n		pids = pids[:1]\n	}\n	threads, err := threadsOf(pids)\n",
		}}}},
	},
	{
		name: "images", what: "they leave out no_new_privs",
		try: func(s *stage) string {
			less := honest
			less.NoNewPrivs = false
			s.images(less)
			return s.resumed()
		},
		without: []way{{patches: []patch{{
			"libcontainer/checkpoint/restore_rights.go", "if p.NoNewPrivs && !r.NoNewPrivs {",
			"if p.NoNewPrivs && !r.NoNewPrivs && !OFF {",
		}}}},
	},
	{
		name: "images", what: "their process is in the host's network namespace, where the config has a new one",
		try: func(s *stage) string {
			more := honest
			more.Host = []string{"net"}
			s.images(more)
			return s.resumed()
		},
		without: []way{{patches: []patch{{
			"libcontainer/checkpoint/restore_rights.go", "checkedNamespaces &^ other; missing != 0 {",
			"checkedNamespaces &^ other; missing != 0 && !OFF {",
		}}}},
	},
	{
		name: "images", what: "they mount a directory of the host's that the config does not give",
		try: func(s *stage) string {
			more := honest
			s.images(more)
			must(s.t, os.Mkdir(s.dir+"/other", 0o755))
			must(s.t, unix.Mount("other", s.dir+"/other", "tmpfs", 0, ""))
			defer func() { _ = unix.Unmount(s.dir+"/other", unix.MNT_DETACH) }()
			more.Mounts = []string{s.dir + "/other"}
			s.writeImages(more)
			return s.resumed()
		},
		without: []way{{patches: []patch{{
			"libcontainer/checkpoint/restore_exposed.go",
			"			if err := v.checkMount(e, host, shares); err != nil {",
			"			if err := v.checkMount(e, host, shares); err != nil && !OFF {",
		}}}},
	},
}

// images puts the stand-in for CRIU into PATH, and makes its images.
func (s *stage) images(i criu.Image) {
	self, err := os.Executable()
	must(s.t, err)
	must(s.t, os.MkdirAll(s.dir+"/path", 0o755))
	must(s.t, os.Symlink(self, s.dir+"/path/criu"))
	s.env = append(s.env, "PATH="+s.dir+"/path:"+os.Getenv("PATH"))
	must(s.t, os.Mkdir(s.dir+"/images", 0o700))
	s.writeImages(i)
}

func (s *stage) writeImages(i criu.Image) {
	text, err := json.Marshal(i)
	must(s.t, err)
	must(s.t, os.WriteFile(s.dir+"/images/inventory.img", text, 0o600))
}

// restore restores the images.
func (s *stage) restore(change func(*exec.Cmd)) (output string, status int) {
	s.Config.args("true")
	s.save()
	return s.rtWith(change, "restore", "--bundle", s.bundle, "--image-path", s.dir+"/images", s.newID())
}

// restoreHangs says whether a restore takes longer than it may with what is in the way of it.
func (s *stage) restoreHangs() string {
	out, status := s.restore(nil)
	if status == -1 {
		return "rt hangs"
	}
	if status == 0 {
		s.t.Fatal("the restore succeeds: " + out)
	}
	return ""
}

// resumed says what the restored process has said, if it continued; "" if it did not.
func (s *stage) resumed() string {
	out, status := s.restore(nil)
	if text, err := s.read("resumed"); err == nil {
		return "the process continues with the rights " + strings.TrimSpace(text)
	}
	if status == 0 {
		s.t.Fatal("the restore succeeds without a process: " + out)
	}
	return ""
}
