package inspect

import (
	"golang.org/x/sys/unix"

	"rt/libcontainer/plan"
	"rt/spec"
)

// missingDevices returns the paths of those devices that a plan may bind-mount from the host, but that the host does
// not have at the path.
func missingDevices(s *spec.Spec) (paths []string) {
	for _, d := range plan.BoundDevices(s) {
		var st unix.Stat_t
		if unix.Stat(d.Path, &st) != nil || !IsDevice(&st, &d) {
			paths = append(paths, d.Path)
		}
	}
	return paths
}

// IsDevice reports whether st has the type and the number of device d. A FIFO has no number.
func IsDevice(st *unix.Stat_t, d *spec.Device) bool {
	kind := d.Mode & unix.S_IFMT
	return st.Mode&unix.S_IFMT == kind && (kind == unix.S_IFIFO || st.Rdev == unix.Mkdev(d.Major, d.Minor))
}
