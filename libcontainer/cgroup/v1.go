package cgroup

import (
	"os"
	"path"
	"strings"

	"rt/libcontainer/diag"
	"rt/libcontainer/host"

	"github.com/opencontainers/cgroups/fs"
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
	text, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return &diag.Error{Kind: diag.Host, Problem: "the hierarchies can't be listed", Err: err}
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
			p.list = listOf(string(text), p.name)
		default:
			continue // a plain directory, where a mkdir would limit nothing
		}
		p.dir = p.base + in
		if in[0] != '/' {
			p.dir = path.Join(ownDir(&p, string(text)), in)
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

// fillCpuset gives a new cpuset, and the new ones above it, the CPUs and memory nodes of its parent: on v1 both start out empty, and a
// cpuset with none takes no process (cgroup-v1/cpusets.rst).
func (g *Group) fillCpuset(p *place) error {
	if err := new(fs.CpusetGroup).ApplyDir(p.dir, &g.limits.resources, -1); err != nil {
		return g.limitError(err)
	}
	return nil
}
