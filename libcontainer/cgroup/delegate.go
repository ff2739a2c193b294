package cgroup

import (
	"os"
	"strings"

	"rt/internal/diag"
	"rt/libcontainer/host"

	"golang.org/x/sys/unix"
)

// delegate gives the cgroup to the user that the container's root is on the host, so that an init system inside can make cgroups of its own.
// Only on v2, where that is safe, and only those files that the kernel names for it: the limits stay out of reach.
// See config-linux.md#cgroup-ownership and cgroups(7), "Cgroups delegation".
func (g *Group) delegate() error {
	if g.config.OwnerUID == nil || g.mode != host.CgroupV2 || len(g.places) == 0 {
		return nil
	}
	dir := g.places[0].dir
	for _, name := range append([]string{"."}, delegated()...) {
		err := unix.Chown(dir+"/"+name, *g.config.OwnerUID, -1)
		if err != nil && err != unix.ENOENT {
			return diag.Sys("the cgroup can't be given to the container's user: "+dir+"/"+name, "chown", err)
		}
	}
	return nil
}

// delegated lists the files that a delegated cgroup's owner may write.
func delegated() []string {
	text, err := os.ReadFile("/sys/kernel/cgroup/delegate")
	if err != nil {
		return []string{"cgroup.procs", "cgroup.subtree_control", "cgroup.threads"}
	}
	return strings.Fields(string(text))
}
