package attack

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// Cgroups of a container that it has made below its own.

func init() { add(attacksOnCgroups) }

var attacksOnCgroups = []attack{
	{
		name: "cgroups", what: "delete of a container that has ended kills another one, which has its cgroup now",
		try: func(s *stage) string {
			s.Config.at("linux")["cgroupsPath"] = "/" + s.id
			defer func() {
				// Both have used it, so the last one removes it.
				dirs, _ := filepath.Glob("/sys/fs/cgroup/*" + s.Config.at("linux")["cgroupsPath"].(string))
				if len(dirs) > 0 && s.way == nil {
					s.t.Errorf("left behind: %s", dirs)
				}
			}()
			s.up("true")
			first := s.id
			if !within(patience(), func() bool {
				out, _ := s.rt("state", first)
				return strings.Contains(out, "stopped")
			}) {
				s.t.Fatal("the first container does not end")
			}
			if s.up("sleep", "60") == 0 {
				return "" // refused, which is safe
			}
			defer s.rt("delete", "--force", s.id)
			s.rt("delete", first)
			if s.succeeds(func() bool { out, _ := s.rt("state", s.id); return !strings.Contains(out, "running") }) {
				return "the second container is dead"
			}
			return ""
		},
		without: []way{{patches: []patch{{
			"libcontainer/cgroup/owner.go", "return named && strings.TrimSuffix(",
			"return named && !OFF && strings.TrimSuffix(",
		}}}},
	},
	{
		name: "cgroups", what: "delete of a container that has ended kills another one, which is made there meanwhile",
		try: func(s *stage) string {
			s.Config.at("linux")["cgroupsPath"] = "/" + s.id
			return s.race(s.deleteWhileCreated)
		},
		without: []way{{patches: []patch{{ // the pause stands for a machine that is busy at that moment
			"libcontainer/cgroup/owner.go", "		switch err := g.tryLock(); {\n",
			"		if OFF {\ntime.Sleep(time.Second)\nreturn\n}\nswitch err := g.tryLock(); {\n",
		}}}},
	},
	{
		name: "cgroups", what: "they are renamed again and again, and rt ps does not list a process in one of them",
		try: func(s *stage) string {
			pid := s.up("sh", "-c", "sleep 60 & wait")
			dir := s.cgroupV1(pid, "freezer")
			s.rename(dir, pid)
			return s.race(func() string {
				out, status := s.rt("ps", "--format", "json", s.id)
				if status == 0 && strings.Count(out, ",") == 0 {
					return "listed are only " + out
				}
				return ""
			})
		},
		without: []way{{patches: []patch{{
			"libcontainer/cgroup/tree.go", "if len(l.below) > 0 || l.visited == nil || w.left == 0 {",
			"if len(l.below) > 0 || l.visited == nil || w.left == 0 || OFF {",
		}}}},
	},
	{
		name: "cgroups", what: "a process is in a frozen one, and lives after delete --force",
		try: func(s *stage) string {
			// Without a pid namespace the kernel does not kill it with the container's first process.
			s.without("pid")
			s.Config.unmount("/proc")
			pid := s.up("sh", "-c", "sleep 60 & wait")
			dir := s.cgroupV1(pid, "freezer")
			child := s.moveChild(dir, pid, "frozen")
			defer func() {
				_ = os.WriteFile(dir+"/frozen/freezer.state", []byte("THAWED"), 0)
				_ = unix.Kill(child, unix.SIGKILL)
			}()
			must(s.t, os.WriteFile(dir+"/frozen/freezer.state", []byte("FROZEN"), 0))
			s.rt("delete", "--force", s.id)
			if !s.defends(func() bool { return !exists(proc(child, "exe")) }) {
				return "the process lives"
			}
			return ""
		},
		without: []way{{patches: []patch{{
			"libcontainer/cgroup/kill.go", "	if dir := g.dir(\"freezer\"); dir != \"\" {\n		_ = thawTree",
			"	if dir := g.dir(\"freezer\"); dir != \"\" && !OFF {\n		_ = thawTree",
		}}}},
	},
	{
		name: "cgroups", what: "a process is in one nested deeper than PATH_MAX, and lives after delete --force",
		try: func(s *stage) string {
			pid := s.up("sh", "-c", "sleep 60 & wait")
			dir := s.cgroupDir(pid)
			child := s.childOf(pid)
			defer func() { _ = unix.Kill(child, unix.SIGKILL) }()
			must(s.t, nest(dir, child))
			out, status := s.rt("delete", "--force", s.id)
			if !s.defends(func() bool { return !exists(proc(child, "exe")) }) {
				return "the process lives"
			}
			if status != 0 || exists(dir) {
				return "the cgroup stays: " + out
			}
			return ""
		},
		without: []way{{patches: []patch{{
			"libcontainer/cgroup/tree.go",
			"	if err == nil {\n		_ = unix.Close(w.fd)\n		w.fd = next\n",
			"	if OFF && err == nil {\n		var at [unix.PathMax]byte\n		" +
				"if _, err = unix.Readlink(\"/proc/self/fd/\"+strconv.Itoa(next), at[:]); err != nil {\n" +
				"			return err\n		}\n	}\n" +
				"	if err == nil {\n		_ = unix.Close(w.fd)\n		w.fd = next\n",
		}}}},
	},
	{
		name: "cgroups", what: "one is threaded, and rt kill --all fails to find who is in it",
		try: func(s *stage) string {
			defer s.mountCgroup2()()
			s.without("pid")
			s.Config.unmount("/proc")
			pid := s.up("sh", "-c", "sleep 60 & wait")
			text, err := os.ReadFile(proc(pid, "cgroup"))
			must(s.t, err)
			_, path, _ := strings.Cut(string(text), "0::")
			dir := "/sys/fs/cgroup" + strings.TrimSpace(path) + "/threaded"
			child := s.childOf(pid)
			defer func() { _ = unix.Kill(child, unix.SIGKILL) }()
			must(s.t, os.Mkdir(dir, 0o755))
			must(s.t, os.WriteFile(dir+"/cgroup.type", []byte("threaded"), 0))
			must(s.t, os.WriteFile(dir+"/cgroup.threads", []byte(strconv.Itoa(child)), 0))
			s.rt("kill", "--all", s.id, "TERM")
			won := ""
			if !s.defends(func() bool { return !exists(proc(child, "exe")) }) {
				won = "the process lives"
			}
			s.rt("delete", "--force", s.id)
			return won
		},
		without: []way{{patches: []patch{{
			"libcontainer/cgroup/tree.go", "		if err == unix.EOPNOTSUPP {",
			"		if err == unix.EOPNOTSUPP && !OFF {",
		}}}},
	},
}

// mountCgroup2 shows the hierarchy of cgroup v2 alone at /sys/fs/cgroup, until the function that it returns is called.
func (s *stage) mountCgroup2() (undo func()) {
	s.t.Helper()
	if err := unix.Mount("none", "/sys/fs/cgroup", "cgroup2", 0, ""); err != nil {
		s.t.Fatal(err)
	}
	return func() { _ = unix.Unmount("/sys/fs/cgroup", unix.MNT_DETACH) }
}

// without takes a namespace out of the config.
func (s *stage) without(kind string) {
	l := s.Config.at("linux")
	var rest []any
	for _, n := range l["namespaces"].([]any) {
		if n.(map[string]any)["type"] != kind {
			rest = append(rest, n)
		}
	}
	l["namespaces"] = rest
}

// cgroupV1 returns the directory of a process in a hierarchy of cgroup v1. The attack needs one.
func (s *stage) cgroupV1(pid int, controller string) string {
	s.t.Helper()
	if pid == 0 {
		s.t.Fatal("no container")
	}
	text, err := os.ReadFile(proc(pid, "cgroup"))
	must(s.t, err)
	for line := range strings.Lines(string(text)) {
		f := strings.SplitN(strings.TrimSpace(line), ":", 3)
		dir := "/sys/fs/cgroup/" + controller
		if len(f) == 3 && f[1] == controller && exists(dir) {
			return dir + f[2]
		}
	}
	s.t.Skip("needs cgroup v1")
	return ""
}

// moveChild moves the child of a process into a new cgroup below dir, and returns it.
func (s *stage) moveChild(dir string, pid int, name string) (child int) {
	must(s.t, os.Mkdir(dir+"/"+name, 0o755))
	child = s.childOf(pid)
	must(s.t, os.WriteFile(dir+"/"+name+"/cgroup.procs", []byte(strconv.Itoa(child)), 0))
	return child
}

// childOf returns the child of a process.
func (s *stage) childOf(pid int) (child int) {
	if !within(patience(), func() bool {
		text, _ := os.ReadFile(proc(pid, "task/"+strconv.Itoa(pid)+"/children"))
		child, _ = strconv.Atoi(strings.TrimSpace(string(text)))
		return child > 0
	}) {
		s.t.Fatal("no child")
	}
	return child
}

// cgroupDir returns the directory that lists the processes of a container.
func (s *stage) cgroupDir(pid int) string {
	s.t.Helper()
	text, err := os.ReadFile(proc(pid, "cgroup"))
	must(s.t, err)
	base := "/sys/fs/cgroup"
	for line := range strings.Lines(string(text)) {
		f := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if f[1] == "freezer" || f[0] == "0" && !exists(base+"/freezer") {
			return filepath.Join(base, f[1], f[2])
		}
	}
	s.t.Fatal("the container has no cgroup")
	return ""
}

// nest makes cgroups below dir that are nested deeper than a path can be long, and moves a process into the last.
func nest(dir string, pid int) error {
	fd, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	const nameMax = 255
	name := strings.Repeat("n", nameMax)
	for depth := 0; err == nil && depth <= unix.PathMax/nameMax; depth++ {
		below := -1
		if err = unix.Mkdirat(fd, name, 0o755); err == nil {
			below, err = unix.Openat(fd, name, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		}
		_ = unix.Close(fd)
		fd = below
	}
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(fd) }()
	file, err := unix.Openat(fd, "cgroup.procs", unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(file) }()
	_, err = unix.Write(file, []byte(strconv.Itoa(pid)))
	return err
}

// rename moves the child of a process into a cgroup below dir, and renames that until the end of the attack, as the
// container can where its cgroup is mounted writable.
func (s *stage) rename(dir string, pid int) {
	const others = 300 // so many that they are listed in two calls
	for i := range others {
		must(s.t, os.Mkdir(dir+"/other"+strconv.Itoa(i), 0o755))
	}
	s.moveChild(dir, pid, "a")
	var stop atomic.Bool
	done := make(chan struct{})
	go func() {
		defer close(done)
		names := []string{"/a", "/zz", "/b", "/yy"}
		for i := 0; !stop.Load(); i++ {
			_ = os.Rename(dir+names[i%len(names)], dir+names[(i+1)%len(names)])
		}
	}()
	s.t.Cleanup(func() { stop.Store(true); <-done }) // before the container is removed
}

// deleteWhileCreated deletes a container that has ended, while another one is created in its cgroup.
func (s *stage) deleteWhileCreated() string {
	s.up("true")
	first := s.id
	if !within(patience(), func() bool {
		out, _ := s.rt("state", first)
		return strings.Contains(out, "stopped")
	}) {
		s.t.Fatal("the first container does not end")
	}
	deleted := make(chan string)
	go func() {
		out, _ := s.rt("delete", first)
		deleted <- out
	}()
	time.Sleep(time.Duration(s.counter%8) * 5 * time.Millisecond)
	running := s.up("sleep", "60") != 0 // it may be refused, which is safe
	out := <-deleted
	state, _ := s.rt("state", s.id)
	s.rt("delete", "--force", s.id)
	s.rt("delete", "--force", first)
	if running && !strings.Contains(state, "running") {
		return "the second container is dead; delete says " + out
	}
	return ""
}
