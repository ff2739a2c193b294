package cgroup

import (
	"os"
	"path"
	"strings"

	"rt/internal/diag"
	"rt/libcontainer/host"

	"golang.org/x/sys/unix"
)

// findV1 finds the container's directory in each hierarchy that is mounted below /sys/fs/cgroup: all v1 hierarchies,
// and in hybrid mode the cgroup2 mount. A container joins each of them, even without a limit, so that it can be found,
// frozen and accounted.
//
// The library finds mounts with statfs(2) too, but repeats it for each controller and link; one read of the directory
// and one of /proc/self/cgroup suffice.
func (g finder) findV1(in string) error {
	entries, err := os.ReadDir(root)
	if err != nil {
		return &diag.Error{Kind: diag.Host, Problem: "the hierarchies can't be listed", Err: err}
	}
	text, err := readFile("/proc/self", "cgroup")
	if err != nil {
		return diag.Sys("the hierarchies can't be listed: /proc/self/cgroup", "open", err)
	}
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		h := hierarchy{name: e.Name(), base: root + "/" + e.Name()}
		var st unix.Statfs_t
		if unix.Statfs(h.base, &st) != nil {
			continue
		}
		switch st.Type {
		case unix.CGROUP2_SUPER_MAGIC:
			h.v2 = true
		case unix.CGROUP_SUPER_MAGIC:
			h.list = controllerList(text, h.name)
		default:
			continue // a plain directory, where a mkdir would limit nothing
		}
		h.dir = h.base + in
		if in[0] != '/' {
			h.dir = path.Join(ownDir(&h, text), in)
		}
		g.hierarchies = append(g.hierarchies, h)
	}
	for _, e := range entries {
		if e.Type()&os.ModeSymlink != 0 {
			g.addLink(e.Name())
		}
	}
	return nil
}

// controllerList returns the kernel's list of the controllers of the hierarchy that is mounted at a directory of this
// name. Named hierarchies are mounted without the prefix, and controllers that are mounted together may be listed in
// another order than in the name.
func controllerList(text, name string) string {
	first, _, _ := strings.Cut(name, ",")
	for line := range strings.Lines(text) {
		_, rest, _ := strings.Cut(line, ":")
		list, _, _ := strings.Cut(rest, ":")
		if list == "name="+name {
			return list
		}
		for c := range strings.SplitSeq(list, ",") {
			if c == first {
				return list
			}
		}
	}
	return name
}

// ownDir returns rt's own cgroup in the hierarchy. In a container without a cgroup namespace, /proc/self/cgroup has
// paths of the host, while the mount starts at the container's own cgroup.
func ownDir(h *hierarchy, text string) string {
	own, ok := ownPath(text, h.list)
	if !ok || own == "/" || unix.Access(h.base+own, unix.F_OK) != nil {
		return h.base
	}
	return h.base + own
}

// addLink records a symbolic link below /sys/fs/cgroup, such as cpu -> cpu,cpuacct, with its hierarchy.
func (g finder) addLink(name string) {
	target, err := os.Readlink(root + "/" + name)
	if err != nil {
		return
	}
	target = strings.TrimPrefix(path.Clean(target), root+"/")
	for i := range g.hierarchies {
		if g.hierarchies[i].name == target {
			g.hierarchies[i].links = append(g.hierarchies[i].links, name)
		}
	}
}

// controllers returns the library's keys of the hierarchy: the controllers, "name=systemd", or "" for cgroup2.
func (h *hierarchy) controllers() []string { return strings.Split(h.list, ",") }

// loadHierarchy returns the hierarchy of a saved directory.
func loadHierarchy(list, dir string, mode host.CgroupMode) (hierarchy, error) {
	h := hierarchy{list: list, v2: list == "", base: root, dir: dir}
	if !isBelowRoot(dir) {
		return h, &diag.Error{
			Kind:    diag.State,
			Problem: "the state names a cgroup that is not below " + root + ": " + dir,
		}
	}
	if !h.v2 || mode != host.CgroupV2 {
		h.name, _, _ = strings.Cut(dir[len(root)+1:], "/")
		h.base = root + "/" + h.name
	}
	return h, nil
}

// isBelowRoot reports whether a directory that the state names is one below /sys/fs/cgroup.
func isBelowRoot(dir string) bool { return strings.HasPrefix(dir, root+"/") && path.Clean(dir) == dir }

// fillCpuset gives a new cpuset and its new ancestors the CPUs and memory nodes of the config, or else of the parent:
// on v1 both are empty at first, and such a cpuset takes no process (cgroup-v1/cpusets.rst). The library needs twice
// the calls.
func (g controllerSetup) fillCpuset(h *hierarchy) error {
	r := &g.limits.resources
	for _, f := range []struct{ file, value string }{{"cpuset.cpus", r.CpusetCpus}, {"cpuset.mems", r.CpusetMems}} {
		if f.value == "" && !h.fresh {
			if text, err := readFile(h.dir, f.file); err != nil || text != "\n" {
				continue // a value that is set stays; rt does not support a cpuset hierarchy without prefix (Android's)
			}
		}
		above, err := inheritCpuset(h.base, path.Dir(h.dir), f.file)
		if err != nil {
			return err
		}
		if f.value == "" {
			f.value = above
		}
		if err := writeFile(h.dir, f.file, f.value); err != nil {
			return g.fileError(h.dir, f.file, strings.TrimSpace(f.value), err)
		}
	}
	return nil
}

// inheritCpuset returns the value of a file in dir. If it is empty it is first filled from the parent.
func inheritCpuset(base, dir, file string) (string, error) {
	text, err := readFile(dir, file)
	if err == nil && text == "\n" && len(dir) > len(base) {
		if text, err = inheritCpuset(base, path.Dir(dir), file); err == nil {
			err = writeFile(dir, file, text)
		}
	}
	if err != nil {
		if _, ok := err.(*diag.Error); !ok { //nolint:errorlint // made below
			err = diag.Sys(dir+"/"+file+" can't be filled", "write", err)
		}
	}
	return text, err
}

// Join is a file of a v1 hierarchy. A process that writes "0" to it joins the container's cgroup.
type Join struct {
	Path string // "/sys/fs/cgroup/memory/web1/tasks"
	FD   int    // open for writing, close-on-exec; the Group closes it
}

// OpenJoins opens the files that the boot process, which has one thread, writes "0" to, in order, to join the cgroups
// of v1. On v2 there are none: the boot process is cloned into Dir. In hybrid mode both are needed.
//
// It avoids the delay of Attach. The kernel lets a thread move itself at once (Linux 5.5, 9a3284fad42f "cgroup:
// Optimize single thread migration"), but before it moves another process it stops all forks of the machine and waits
// for an RCU grace period. Measured on Linux 6.18 with ten hierarchies: 0.17 ms, at most 1.5, against 5.4 on average
// and up to 20 for Attach.
func (g *lifecycle) OpenJoins() ([]Join, error) {
	if g.driver == Systemd || g.joins != nil {
		return g.joins, nil
	}
	for i := range g.hierarchies {
		if g.hierarchies[i].v2 {
			continue
		}
		file := g.hierarchies[i].dir + "/tasks"
		fd, err := unix.Open(file, unix.O_WRONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			g.Close()
			return nil, diag.Sys("the cgroup can't be joined: "+file, "open", err)
		}
		g.joins = append(g.joins, Join{Path: file, FD: fd})
	}
	return g.joins, nil
}
