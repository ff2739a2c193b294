package attack

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// The path of the program leads through a descriptor: close-on-exec is no help, since execve(2) resolves the path
// before it closes anything. The image can't know the numbers, so its PATH has a directory for each: /xN/busybox is a
// link through descriptor N to a program of the host's.

const lastNumber = 90

func init() { add(attacksOnPrograms) }

var attacksOnPrograms = []attack{
	{
		name: "CVE-2024-21626", what: "a program path through whatever rt has open",
		try:     func(s *stage) string { return s.throughDescriptors("run") },
		without: []way{{edit: "drop ^close_range\\("}},
	},
	{
		name: "CVE-2024-21626", what: "a program path through a directory that the caller leaked",
		try:     func(s *stage) string { return s.throughDescriptors("run", s.dir) },
		without: []way{{edit: "drop leaked ones included"}},
	},
	{
		name: "CVE-2024-21626",
		what: "a program path through the old root, which is kept where the propagation is shared",
		try: func(s *stage) string {
			s.Config.at("linux")["rootfsPropagation"] = "shared"
			return s.throughDescriptors("run")
		},
		without: []way{{edit: "drop ^close_range\\("}},
	},
	{
		name: "CVE-2024-21626", what: "a program path through a descriptor, with a user namespace",
		try: func(s *stage) string {
			s.userNamespace()
			return s.throughDescriptors("run", s.dir)
		},
		without: []way{{edit: "drop ^close_range\\("}},
	},
	{
		name: "CVE-2024-21626",
		what: "a program path through a descriptor, when start finds a user, a cwd and a read-only root",
		try: func(s *stage) string {
			p := s.Config.at("process")
			p["user"], p["cwd"] = map[string]any{"uid": 1000, "gid": 1000}, "/tmp"
			s.Config.at("root")["readonly"] = true
			return s.throughDescriptors("create", s.dir)
		},
		without: []way{{edit: "drop ^close_range\\("}},
	},
	{
		name: "CVE-2024-21626", what: "a program path of exec through a directory that the caller leaked",
		try: func(s *stage) string {
			s.links()
			if s.up("sleep", "60") == 0 {
				s.t.Fatal("no container")
			}
			out, _ := s.withOpen(s.dir, "exec", "--env", "PATH="+numberedPath(), s.id, "busybox", "echo", "host")
			return outsideRan(out)
		},
		without: []way{{edit: "drop ^close_range\\(", on: "exec"}},
	},
}

// throughDescriptors runs a container whose program may be the host's by way of any descriptor. The directory leaked,
// if there is one, is descriptor 60.
func (s *stage) throughDescriptors(command string, leaked ...string) string {
	s.links()
	s.Config.args("busybox", "echo", "host")
	if command == "create" {
		s.Config.args("busybox", "sleep", "60")
	}
	s.Config.at("process")["env"] = []string{"PATH=" + numberedPath()}
	s.save()
	dir := ""
	if len(leaked) > 0 {
		dir = leaked[0]
	}
	out, status := s.withOpen(dir, command, "--bundle", s.bundle, s.newID())
	if command == "create" && status == 0 {
		if _, status = s.rt("start", s.id); status != 0 {
			return ""
		}
		got, err := os.Stat(proc(s.pid(), "exe"))
		want, err2 := os.Stat(s.dir + "/busybox")
		if err == nil && err2 == nil && os.SameFile(got, want) {
			return "the host's program runs"
		}
	}
	return outsideRan(out)
}

// outsideRan says whether the host's program has run: nothing else prints this.
func outsideRan(out string) string {
	if strings.Contains(out, "host\n") {
		return "the host's program has run"
	}
	return ""
}

// userNamespace gives the container a user namespace whose root is somebody else.
func (s *stage) userNamespace() {
	const first, size = 100000, 65536
	l := s.Config.at("linux")
	s.Config.add(map[string]any{"type": "user"}, "linux", "namespaces")
	for _, k := range []string{"uidMappings", "gidMappings"} {
		l[k] = []any{map[string]any{"containerID": 0, "hostID": first, "size": size}}
	}
	must(s.t, filepath.WalkDir(s.rootfs, func(path string, _ os.DirEntry,
		_ error,
	) error {
		return os.Lchown(path, first, first)
	}))
}

// links puts the links into the image, and the program on the host.
func (s *stage) links() {
	must(s.t, exec.Command("cp", busybox, s.dir+"/busybox").Run())
	for n := 3; n < lastNumber; n++ {
		s.link(fmt.Sprintf("../proc/self/fd/%d/%s%s/busybox", n, strings.Repeat("../", 20), s.dir),
			fmt.Sprintf("x%d/busybox", n))
	}
}

// numberedPath is a PATH with a directory for each descriptor.
func numberedPath() string {
	var dirs []string
	for n := 3; n < lastNumber; n++ {
		dirs = append(dirs, fmt.Sprintf("/x%d", n))
	}
	return strings.Join(dirs, ":")
}

// withOpen runs a command with a directory open as descriptor 60.
func (s *stage) withOpen(dir string, args ...string) (string, int) {
	return s.rtWith(func(cmd *exec.Cmd) {
		if dir == "" {
			return
		}
		d, err := os.Open(dir)
		must(s.t, err)
		s.t.Cleanup(func() { _ = d.Close() })
		for len(cmd.ExtraFiles) < 60-3 {
			cmd.ExtraFiles = append(cmd.ExtraFiles, nil)
		}
		cmd.ExtraFiles = append(cmd.ExtraFiles, d)
	}, args...)
}
