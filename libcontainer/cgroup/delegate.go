package cgroup

import (
	"os"
	"strings"

	"rt/internal/diag"
	"rt/libcontainer/host"

	"golang.org/x/sys/unix"
)

// delegate changes the owner of the cgroup to the host user that the container's root is mapped to, so that an init
// system inside can make cgroups. It does so only on v2, where that is safe, and only for the files that the kernel
// lists for it: the limits stay out of reach. See config-linux.md#cgroup-ownership and cgroups(7), "Cgroups
// delegation".
func (g *lifecycle) delegate() error {
	if g.config.OwnerUID == nil || g.mode != host.CgroupV2 || len(g.hierarchies) == 0 {
		return nil
	}
	dir := g.hierarchies[0].dir
	for _, name := range append([]string{"."}, delegatedFiles()...) {
		err := unix.Chown(dir+"/"+name, *g.config.OwnerUID, -1)
		if err != nil && err != unix.ENOENT {
			return diag.Sys("the cgroup can't be delegated to the container's user: "+dir+"/"+name, "chown", err)
		}
	}
	return nil
}

// delegatedFiles lists the files that the owner of a delegated cgroup may write.
func delegatedFiles() []string {
	text, err := os.ReadFile("/sys/kernel/cgroup/delegate")
	if err != nil {
		return []string{"cgroup.procs", "cgroup.subtree_control", "cgroup.threads"}
	}
	return strings.Fields(string(text))
}
