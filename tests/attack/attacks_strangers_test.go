package attack

import (
	"os"
	"os/exec"
	"strings"
)

// Another user of the host puts something where rt reads or writes for its caller; and a container opens a device of
// the host's.

func init() { add(attacksOfStrangers) }

var attacksOfStrangers = []attack{
	{
		name: "state directory", what: "another user makes that of a container first, and rt kills what it names",
		try: func(s *stage) string {
			if s.up("sleep", "60") == 0 {
				s.t.Fatal("no container")
			}
			own, shared := s.state, s.dir+"/shared"
			must(s.t, os.Mkdir(shared, 0o755))
			must(s.t, os.Chmod(shared, os.ModeSticky|0o777))
			if out, err := exec.Command("cp", "-R", own+"/"+s.id, shared+"/").CombinedOutput(); err != nil {
				s.t.Fatalf("%v: %s", err, out)
			}
			must(s.t, os.Chown(shared+"/"+s.id, nobody, nobody))
			must(s.t, os.Chmod(shared+"/"+s.id, 0o755))
			entries, err := os.ReadDir(shared + "/" + s.id)
			must(s.t, err)
			for _, e := range entries {
				must(s.t, os.Lchown(shared+"/"+s.id+"/"+e.Name(), nobody, nobody))
			}
			s.state = shared
			s.rt("kill", s.id, "KILL")
			s.state = own
			if s.succeeds(func() bool { out, _ := s.rt("state", s.id); return !strings.Contains(out, "running") }) {
				return "the process is dead"
			}
			return ""
		},
		without: []way{{patches: []patch{{
			"internal/sys/trust.go", "if st.Uid != 0 && int(st.Uid) != os.Geteuid() {",
			"if !OFF && st.Uid != 0 && int(st.Uid) != os.Geteuid() {",
		}}}},
	},
	{
		name: "output file", what: "another user has put a link where rt writes its log",
		try: func(s *stage) string {
			dir := s.dir + "/theirs"
			must(s.t, os.Mkdir(dir, 0o755))
			must(s.t, os.Symlink(s.victim+"/file", dir+"/log"))
			must(s.t, os.Lchown(dir+"/log", nobody, nobody))
			must(s.t, os.Chown(dir, nobody, nobody))
			s.Config.args("true")
			s.save()
			s.rt("--log", dir+"/log", "--debug", "run", "--bundle", s.bundle, s.newID())
			return s.harmed()
		},
		without: []way{{patches: []patch{{
			"internal/sys/open.go", "if st.Mode&unix.S_IFMT != unix.S_IFLNK || st.Uid != 0 && int(st.Uid)",
			"if st.Mode&unix.S_IFMT != unix.S_IFLNK || !OFF && st.Uid != 0 && int(st.Uid)",
		}}}},
	},
	{
		name: "devices", what: "a container with CAP_MKNOD opens the machine's console",
		try: func(s *stage) string {
			for _, set := range []string{"bounding", "effective", "permitted"} {
				s.Config.add("CAP_MKNOD", "process", "capabilities", set)
			}
			out, _ := s.run("sh", "-c", "mknod /tmp/console c 5 1 && : > /tmp/console && echo open")
			if strings.Contains(out, "open\n") {
				return "it is open"
			}
			return ""
		},
		without: []way{{patches: []patch{{
			"libcontainer/cgroup/device.go", "	{true, 'c', 5, 2, allAccess},           // ptmx\n",
			"	{true, 'c', 5, map[bool]int64{true: 1, false: 2}[OFF], allAccess},\n",
		}}}},
	},
}
