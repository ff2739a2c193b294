package attack

import (
	"os"

	"golang.org/x/sys/unix"
)

// Names that lead out of where they belong, and a file of the image that is none.

func init() { add(attacksByNames) }

var attacksByNames = []attack{
	{
		name: "container ID", what: "it has slashes and dots, and the state is written elsewhere",
		try: func(s *stage) string {
			s.Config.args("true")
			s.Config.at("linux")["cgroupsPath"] = "/" + s.id // not one of the container's ID
			s.save()
			const id = "../victim/x"
			s.rt("create", "--bundle", s.bundle, id)
			harm := s.harmed()
			if harm != "" {
				s.rt("delete", "--force", id)
			}
			return harm
		},
		without: []way{{patches: []patch{{
			"libcontainer/state/root.go", "func CheckID(id string) error {\n",
			"func CheckID(id string) error {\n	if OFF {\n		return nil\n	}\n",
		}}}},
	},
	{
		name: "exec --cgroup", what: "its path leads to a sibling of the container's cgroup",
		try: func(s *stage) string {
			defer s.mountCgroup2()()
			if s.up("sleep", "60") == 0 {
				s.t.Fatal("no container")
			}
			sibling := "/sys/fs/cgroup/sibling-of-" + s.id
			must(s.t, os.Mkdir(sibling, 0o755))
			defer func() { _ = os.Remove(sibling) }()
			_, status := s.rt("exec", "--cgroup", "../sibling-of-"+s.id, s.id, "true")
			s.rt("delete", "--force", s.id)
			if status == 0 {
				return "the process is in the sibling"
			}
			return ""
		},
		without: []way{{patches: []patch{{
			"libcontainer/cgroup/exec.go", `case slices.Contains(strings.Split(sub, "/"), ".."):`,
			`case !OFF && slices.Contains(strings.Split(sub, "/"), ".."):`,
		}}}},
	},
	{
		name: "passwd", what: "it is a FIFO that the image's owner holds open, and rt waits for what is written to it",
		try: func(s *stage) string {
			must(s.t, unix.Mkfifo(s.path("etc/passwd"), 0o644))
			held, err := os.OpenFile(s.path("etc/passwd"), os.O_RDWR, 0)
			must(s.t, err)
			defer held.Close()
			return waits(s.run("true"))
		},
		waits: true,
		without: []way{{patches: []patch{{
			"libcontainer/rootfs/users.go", "if unix.Fstat(file, &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFREG {",
			"if unix.Fstat(file, &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFREG && !OFF {",
		}}}},
	},
}
