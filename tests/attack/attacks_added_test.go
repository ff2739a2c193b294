package attack

import (
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Mounts that are added to a running container, and removed from it. Here the container runs, and moves what its paths
// lead to while rt works.

func init() { add(attacksOnAdded); add(attacksOnDevices) }

var attacksOnAdded = []attack{
	{
		name: "rt mount", what: "a magic link on the way to a mount point that is missing leads to the host",
		try: func(s *stage) string {
			s.withoutNamespace("pid") // so that /proc has processes of the host
			s.link("/proc/"+strconv.Itoa(os.Getpid())+"/root"+s.victim+"/folder", "way")
			if s.up("sleep", "60") == 0 {
				return ""
			}
			s.rt("mount", s.id, s.source(), "/way/made/here")
			return s.harmed()
		},
		without: []way{{edit: "resolve 0 ^openat2\\(.*(open the mount point|open it|enter it)", on: "mount"}},
	},
	{
		name: "rt umount",
		what: "a link leads to a masked path instead of the mount that was added",
		try: func(s *stage) string {
			if !s.addedBelow("sleep 60") {
				return ""
			}
			s.swapForProc()
			s.rt("umount", s.id, "/volume/d/keys")
			return s.unmasked()
		},
		without: []way{{patches: []patch{{
			"libcontainer/addition/mount.go", "case id != a.MountID:", "case id != a.MountID && !OFF:",
		}}}},
	},
	{
		name: "rt umount",
		what: "the same link appears after rt has compared the mount",
		try: func(s *stage) string {
			if !s.addedBelow("sleep 60") {
				return ""
			}
			must(s.t, makeFIFO(s.path("compared")))
			must(s.t, makeFIFO(s.path("fifo")))
			done := make(chan struct{})
			go func() {
				defer close(done)
				s.rt("umount", s.id, "/volume/d/keys")
			}()
			if s.way != nil {
				releaseFIFO(s.path("compared"), done)
			}
			s.swapForProc()
			if s.way != nil {
				releaseFIFO(s.path("fifo"), done)
			}
			<-done
			return s.unmasked()
		},
		without: []way{{
			edit: "wait /compared make it the working directory\nwait /fifo make it the working directory\n" +
				"text 0 /volume/d/keys unmount what the descriptor leads to\n",
			on: "umount",
		}},
	},
	{
		name: "rt device",
		what: "the path leads to one device when rt makes the rule, and to another when it attaches the node",
		try: func(s *stage) string {
			// Both are devices that every container may use: what it gets of others is an error of open(2).
			zero, random := s.dir+"/device", s.dir+"/device.other"
			must(s.t, unix.Mknod(zero, unix.S_IFCHR|0o666, int(unix.Mkdev(1, 5))))
			must(s.t, unix.Mknod(random, unix.S_IFCHR|0o666, int(unix.Mkdev(1, 8))))
			pid := s.up("sleep", "600")
			if pid == 0 {
				s.t.Fatal("no container")
			}
			s.background(swapper, zero, random)
			return s.race(func() string {
				if _, status := s.rt("device", "add", "--at", "/device", s.id, zero); status != 0 {
					return ""
				}
				var st unix.Stat_t
				must(s.t, unix.Stat("/proc/"+strconv.Itoa(pid)+"/root/device", &st))
				state, err := os.ReadFile(s.state + "/" + s.id + "/state.json")
				must(s.t, err)
				rule := "c 1:" + strconv.Itoa(int(unix.Minor(st.Rdev))) + " rwm"
				if !strings.Contains(string(state), rule) {
					return "the node is one of another rule than " + rule
				}
				s.rt("device", "remove", s.id, "/device")
				return ""
			})
		},
		without: []way{{patches: []patch{{
			"libcontainer/addition/mount.go", "if w.device != \"\" {", "if w.device != \"\" && !OFF {",
		}}}},
	},
	{
		name: "rt device",
		what: "the container unmounts the node before rt removes it, and keeps the rule",
		try: func(s *stage) string {
			caps := []string{"CAP_SYS_ADMIN", "CAP_MKNOD"}
			for _, set := range []string{"bounding", "permitted", "effective"} {
				s.Config.at("process", "capabilities")[set] = caps
			}
			if s.up("sleep", "600") == 0 {
				s.t.Fatal("no container")
			}
			open := func() bool {
				out, _ := s.rt("exec", s.id, "sh", "-c", "mknod /own c 10 229; : </own && echo opened")
				return strings.Contains(out, "opened")
			}
			if open() {
				s.t.Skip("needs a cgroup that restricts devices")
			}
			must(s.t, unix.Mknod(s.dir+"/fuse", unix.S_IFCHR|0o666, int(unix.Mkdev(10, 229))))
			if out, status := s.rt("device", "add", "--at", "/added", s.id, s.dir+"/fuse"); status != 0 {
				s.t.Fatal("device add: " + out)
			}
			if !open() {
				s.t.Skip("needs a kernel with FUSE")
			}
			s.rt("exec", s.id, "umount", "/added")
			s.rt("device", "remove", s.id, "/added")
			if open() {
				return "it opens the device with a node of its own"
			}
			return ""
		},
		without: []way{{patches: []patch{{
			"libcontainer/addition/mount.go", "	if do != nil {\n", "	if do != nil && !OFF {\n",
		}}}},
	},
}

var attacksOnDevices = []attack{
	{
		name: "rt device", what: "a directory on the way to a mount point is swapped for a magic link again and again",
		try: func(s *stage) string {
			s.withoutNamespace("pid") // so that /proc has processes of the host
			zero := s.dir + "/device"
			must(s.t, unix.Mknod(zero, unix.S_IFCHR|0o666, int(unix.Mkdev(1, 5))))
			must(s.t, os.Mkdir(s.path("way"), 0o755))
			s.link("/proc/"+strconv.Itoa(os.Getpid())+"/root"+s.victim+"/folder", "way.link")
			if s.up("sleep", "600") == 0 {
				s.t.Fatal("no container")
			}
			s.background(swapper, s.path("way"), s.path("way.link"))
			return s.race(func() string {
				if _, status := s.rt("device", "add", "--at", "/way/made/here", s.id, zero); status == 0 {
					s.rt("device", "remove", s.id, "/way/made/here")
				}
				return s.harmed()
			})
		},
		without: []way{{edit: "resolve? 0 ^openat2\\(.*(open the mount point|open it|enter it)", on: "device"}},
	},
	{
		name: "rt device", what: "two commands add devices at the same time, and one of them is never removed",
		try: func(s *stage) string {
			device := s.dir + "/device"
			must(s.t, unix.Mknod(device, unix.S_IFCHR|0o666, int(unix.Mkdev(1, 5))))
			if s.up("sleep", "600") == 0 {
				s.t.Fatal("no container")
			}
			return s.race(func() string {
				done := make(chan struct{})
				go func() {
					defer close(done)
					s.rt("device", "add", "--at", "/one", s.id, device)
				}()
				s.rt("device", "add", "--at", "/two", s.id, device)
				<-done
				for _, at := range []string{"/one", "/two"} {
					if out, status := s.rt("device", "remove", s.id, at); status != 0 {
						return "rt does not know " + at + ": " + out
					}
				}
				return ""
			})
		},
		without: []way{{patches: []patch{{
			"libcontainer/update.go", "c.openFor(caller, op, true)", "c.openFor(caller, op, !OFF)",
		}}}},
	},
}

// withoutNamespace takes a namespace from the config.
func (s *stage) withoutNamespace(kind string) {
	linux := s.Config.at("linux")
	var rest []any
	for _, n := range linux["namespaces"].([]any) {
		if n.(map[string]any)["type"] != kind {
			rest = append(rest, n)
		}
	}
	linux["namespaces"] = rest
}

// source is a directory of the host's with nothing in it.
func (s *stage) source() string {
	must(s.t, os.MkdirAll(s.dir+"/source", 0o755))
	return s.dir + "/source"
}

// addedBelow has a container run with a volume, in which a file is mounted by rt at /volume/d/keys.
func (s *stage) addedBelow(script string) bool {
	must(s.t, os.MkdirAll(s.dir+"/volume/d", 0o755))
	must(s.t, os.WriteFile(s.source()+"/file", []byte("added\n"), 0o644))
	s.Config.mount("/volume", "bind", s.dir+"/volume", "rbind")
	s.Config.at("linux")["maskedPaths"] = []string{"/proc/keys"}
	if s.up("sh", "-c", script) == 0 {
		return false
	}
	out, status := s.rt("mount", s.id, s.source()+"/file", "/volume/d/keys")
	if status != 0 {
		s.t.Fatalf("mount: %s", out)
	}
	return true
}

// swapForProc is what the container, or another one with the volume, does: /volume/d becomes a link to /proc.
func (s *stage) swapForProc() {
	must(s.t, os.Rename(s.dir+"/volume/d", s.dir+"/volume/old"))
	must(s.t, os.Symlink("/proc", s.dir+"/volume/d"))
}

// unmasked says whether the container can read the masked path.
func (s *stage) unmasked() string {
	if out, _ := s.rt("exec", s.id, "grep", "-c", ":", "/proc/keys"); strings.TrimSpace(out) != "0" &&
		!strings.Contains(out, "/proc/keys") {
		return "/proc/keys can be read: " + out
	}
	return ""
}
