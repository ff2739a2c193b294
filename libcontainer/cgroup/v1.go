package cgroup

import (
	"os"
	"path"
	"strings"

	"rt/internal/diag"
	"rt/libcontainer/host"

	"golang.org/x/sys/unix"
)

// findV1 finds the container's directory in each hierarchy that is mounted below /sys/fs/cgroup, which of v1 are all and of hybrid mode
// the cgroup2 mount too. A container joins every one, also those without a limit: that is how it is found, frozen and accounted.
//
// The library looks for mounts with statfs(2) too, but once more for each controller and link; reading the directory once and
// /proc/self/cgroup once is enough to know all of it.
func (g *Group) findV1(in string) error {
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
		p := place{name: e.Name(), base: root + "/" + e.Name()}
		var st unix.Statfs_t
		if unix.Statfs(p.base, &st) != nil {
			continue
		}
		switch st.Type {
		case unix.CGROUP2_SUPER_MAGIC:
			p.v2 = true
		case unix.CGROUP_SUPER_MAGIC:
			p.list = listOf(text, p.name)
		default:
			continue // a plain directory, where a mkdir would limit nothing
		}
		p.dir = p.base + in
		if in[0] != '/' {
			p.dir = path.Join(ownDir(&p, text), in)
		}
		g.places = append(g.places, p)
	}
	for _, e := range entries {
		if e.Type()&os.ModeSymlink != 0 {
			g.link(e.Name())
		}
	}
	return nil
}

// listOf is the kernel's list of the controllers of the hierarchy that is mounted at a directory of this name. Named hierarchies are
// mounted without the prefix, and controllers that are mounted together may be listed in another order than in the name.
func listOf(text, name string) string {
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

// ownDir is the cgroup of rt in the hierarchy of p. In a container without a cgroup namespace, /proc/self/cgroup tells paths of the host,
// while what is mounted starts at the container's own cgroup.
func ownDir(p *place, text string) string {
	own, ok := ownPath(text, p.list)
	if !ok || own == "/" || unix.Access(p.base+own, unix.F_OK) != nil {
		return p.base
	}
	return p.base + own
}

// link notes a symbolic link below /sys/fs/cgroup, such as cpu -> cpu,cpuacct, with the hierarchy it leads to.
func (g *Group) link(name string) {
	target, err := os.Readlink(root + "/" + name)
	if err != nil {
		return
	}
	target = strings.TrimPrefix(path.Clean(target), root+"/")
	for i := range g.places {
		if g.places[i].name == target {
			g.places[i].links = append(g.places[i].links, name)
		}
	}
}

// controllers are the keys under which the library knows the hierarchy: the controllers, "name=systemd", or "" for cgroup2.
func (p *place) controllers() []string { return strings.Split(p.list, ",") }

// placeOf is the place of a saved directory.
func placeOf(list, dir string) (place, error) {
	p := place{list: list, v2: list == "", base: root, dir: dir}
	rest, ok := strings.CutPrefix(dir, root+"/")
	if !ok || path.Clean(dir) != dir {
		return p, &diag.Error{Kind: diag.State, Problem: "the state names a cgroup that is not below " + root + ": " + dir}
	}
	if !p.v2 || Mode() != host.CgroupV2 {
		p.name, _, _ = strings.Cut(rest, "/")
		p.base = root + "/" + p.name
	}
	return p, nil
}

// fillCpuset gives a new cpuset, and the new ones above it, the CPUs and memory nodes of the config or else of its parent: on v1 both
// start out empty, and a cpuset with none takes no process (cgroup-v1/cpusets.rst). The library's way to the same takes twice the calls.
func (g *Group) fillCpuset(p *place) error {
	r := &g.limits.resources
	for _, f := range []struct{ file, value string }{{"cpuset.cpus", r.CpusetCpus}, {"cpuset.mems", r.CpusetMems}} {
		if f.value == "" && !p.fresh {
			if text, err := readFile(p.dir, f.file); err != nil || text != "\n" {
				continue // what someone has set up stays; a cpuset hierarchy without prefix (Android's) is not v1 as rt knows it
			}
		}
		above, err := inheritCpuset(p.base, path.Dir(p.dir), f.file)
		if err != nil {
			return err
		}
		if f.value == "" {
			f.value = above
		}
		if err := writeFile(p.dir, f.file, f.value); err != nil {
			return g.fileError(p.dir, f.file, strings.TrimSpace(f.value), err)
		}
	}
	return nil
}

// inheritCpuset is the value of a file in dir, after filling it from above if it is empty there too.
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

// Join is a file of a v1 hierarchy that a process enters the container's cgroup through, by writing "0" to it.
type Join struct {
	Path string // "/sys/fs/cgroup/memory/web1/tasks"
	FD   int    // open for writing, close-on-exec; the Group's
}

// Joins opens what the boot process, which has one thread, writes "0" to, in order, to enter the cgroups of v1. On v2 there is none: clone
// into Dir. In hybrid mode both are needed.
//
// This is Attach without its wait. The kernel lets a thread move itself at once (Linux 5.5, 9a3284fad42f "cgroup: Optimize single thread
// migration"), but before it moves another process it stops all forks of the machine and waits for an RCU grace period. Measured
// on Linux 6.18 with ten hierarchies: 0.17 ms, at most 1.5, against 5.4 on average and up to 20 for Attach.
func (g *Group) Joins() ([]Join, error) {
	if g.driver == Systemd || g.joins != nil {
		return g.joins, nil
	}
	for i := range g.places {
		if g.places[i].v2 {
			continue
		}
		file := g.places[i].dir + "/tasks"
		fd, err := unix.Open(file, unix.O_WRONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			g.Close()
			return nil, diag.Sys("the cgroup can't be entered: "+file, "open", err)
		}
		g.joins = append(g.joins, Join{Path: file, FD: fd})
	}
	return g.joins, nil
}
