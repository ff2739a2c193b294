package inspect

import (
	"golang.org/x/sys/unix"

	"rt/libcontainer/plan"
	"rt/spec"
)

// readNodes returns what the host has at the paths of those devices that a plan may bind-mount from it: only what is
// not NodeSame.
func readNodes(s *spec.Spec) map[string]plan.Node {
	var nodes map[string]plan.Node
	for _, d := range plan.BoundDevices(s) {
		node := plan.NodeSame
		var st unix.Stat_t
		switch {
		case unix.Stat(d.Path, &st) != nil || !IsDevice(&st, &d):
			node = plan.NodeAbsent
		case d.Index >= 0 && (st.Mode != d.Mode || st.Uid != s.HostID(d.UID, s.UIDMappings) ||
			st.Gid != s.HostID(d.GID, s.GIDMappings)):
			node = plan.NodeUnlike
		}
		if node > nodes[d.Path] {
			if nodes == nil {
				nodes = map[string]plan.Node{}
			}
			nodes[d.Path] = node
		}
	}
	return nodes
}

// IsDevice reports whether st has the type and the number of device d. A FIFO has no number.
func IsDevice(st *unix.Stat_t, d *spec.Device) bool {
	kind := d.Mode & unix.S_IFMT
	return st.Mode&unix.S_IFMT == kind && (kind == unix.S_IFIFO || st.Rdev == unix.Mkdev(d.Major, d.Minor))
}
