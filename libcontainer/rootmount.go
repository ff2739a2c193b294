package libcontainer

import (
	"path/filepath"
	"strings"

	"github.com/moby/sys/mountinfo"

	"rt/libcontainer/diag"
	"rt/libcontainer/plan"
)

// findRootMount finds the mount that root.path is in, where the plan needs it: proc_pid_mountinfo(5).
func (m *maker) findRootMount() error {
	if !plan.RootMountNeeded(m.spec) {
		return nil
	}
	path, err := filepath.EvalSymlinks(m.spec.Rootfs)
	if err != nil {
		return &diag.Error{Kind: diag.Host, Field: "root.path", Value: m.spec.Rootfs, Err: err}
	}
	mounts, err := mountinfo.GetMounts(mountinfo.ParentsFilter(path))
	if err != nil {
		return &diag.Error{Kind: diag.Host, Field: "linux.rootfsPropagation", Problem: "the mount that root.path is in can't be found", Err: err}
	}
	longest := "/"
	for _, one := range mounts {
		if len(one.Mountpoint) > len(longest) && strings.HasPrefix(path, one.Mountpoint) {
			longest = one.Mountpoint
		}
	}
	m.options.RootMount = longest
	return nil
}
