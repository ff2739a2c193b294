package libcontainer

import (
	"slices"

	"github.com/moby/sys/mountinfo"

	"rt/internal/diag"
	"rt/libcontainer/plan"
)

// findKernelMounts finds the mounts that a container with --no-pivot must not keep below its root: each procfs and
// sysfs, and what is mounted over one. See proc_pid_mountinfo(5).
func (m *maker) findKernelMounts() error {
	if !m.options.NoPivot {
		return nil
	}
	mounts, err := mountinfo.GetMounts(nil)
	if err != nil {
		return &diag.Error{Kind: diag.Host, Field: "--no-pivot", Problem: "the host's mounts can't be read", Err: err}
	}
	m.options.KernelMounts = kernelMounts(mounts)
	return nil
}

func kernelMounts(mounts []*mountinfo.Info) (found []plan.KernelMount) {
	points := make(map[int]string, len(mounts))
	for _, one := range mounts {
		points[one.ID] = one.Mountpoint
	}
	for _, one := range mounts {
		over := slices.ContainsFunc(found, func(m plan.KernelMount) bool { return m.Path == one.Mountpoint })
		if one.FSType != "proc" && one.FSType != "sysfs" && !over {
			continue
		}
		parent, ok := points[one.Parent]
		if !ok {
			parent = "/" // what is mounted there is not in the table of who is in a chroot(2)
		}
		found = append(found, plan.KernelMount{Path: one.Mountpoint, Parent: parent})
	}
	return found
}
