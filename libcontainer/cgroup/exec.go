package cgroup

import (
	"path"
	"strconv"
	"strings"

	"rt/libcontainer/diag"
	"rt/libcontainer/host"

	"golang.org/x/sys/unix"
)

// ExecDir opens the v2 cgroup that a process joining a running container is to be cloned into (CLONE_INTO_CGROUP), with either driver:
// the container's, or sub below it (`exec --cgroup`). The descriptor is the caller's. -1 means that the process is to enter by Joins, on v1, or
// stays where rt is, if the container has no cgroup.
//
// If the container has given controllers to cgroups of its own, as an init system does, its cgroup can't take processes any more, and the
// one that its first process has moved itself to takes the newcomer; it must lie below the container's.
func (g *Group) ExecDir(sub string, initPid int) (int, error) {
	if len(g.places) == 0 || g.mode != host.CgroupV2 {
		if sub != "" {
			return -1, &diag.Error{Kind: diag.Usage, Problem: "--cgroup takes a container with a cgroup on v2", Value: sub}
		}
		return -1, nil
	}
	dir := g.places[0].dir
	switch {
	case sub != "":
		for part := range strings.SplitSeq(sub, "/") {
			if part == ".." {
				return -1, &diag.Error{Kind: diag.Usage, Problem: `--cgroup "` + sub + `" must stay below the container's cgroup`}
			}
		}
		dir = path.Join(dir, sub)
	case g.givesControllers():
		text, err := readFile("/proc/"+strconv.Itoa(initPid), "cgroup")
		if err != nil {
			return -1, diag.Sys("the cgroup of the container's first process can't be found", "open", err)
		}
		if own, ok := ownPath(text, ""); ok && strings.HasPrefix(root+own, dir+"/") {
			dir = root + own
		}
	}
	fd, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, diag.Sys("the cgroup "+dir+" can't be opened", "open", err)
	}
	return fd, nil
}

// givesControllers reports whether the container's cgroup has controllers enabled for cgroups below it, and so takes no processes
// (cgroup-v2.rst, "No Internal Process Constraint").
func (g *Group) givesControllers() bool {
	text, err := readFile(g.places[0].dir, "cgroup.subtree_control")
	return err == nil && strings.TrimSpace(text) != ""
}
