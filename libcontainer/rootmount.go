package libcontainer

import (
	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/libcontainer/plan"
)

// findRootMount finds the mount point of the mount that root.path is in, where the plan needs it:
// proc_pid_mountinfo(5). The kernel says which mount that is (STATX_MNT_ID, Linux 5.8): names can't, since a mount may
// be covered by another one, and one mount point may begin with the name of another.
func (m *maker) findRootMount() error {
	if !plan.RootMountNeeded(m.spec) {
		return nil
	}
	failed := func(err error) error {
		return &diag.Error{Kind: diag.Host, Field: "linux.rootfsPropagation",
			Problem: "the mount that root.path is in can't be found", Err: err}
	}
	var st unix.Statx_t
	if err := unix.Statx(unix.AT_FDCWD, m.spec.Rootfs, 0, unix.STATX_MNT_ID, &st); err != nil {
		return &diag.Error{Kind: diag.Host, Field: "root.path", Value: m.spec.Rootfs, Err: err}
	}
	mounts, err := mountinfo.GetMounts(func(one *mountinfo.Info) (skip, stop bool) {
		found := uint64(one.ID) == st.Mnt_id
		return !found, found
	})
	if err != nil {
		return failed(err)
	}
	if len(mounts) == 0 {
		return failed(unix.ENOENT) // in a chroot(2), outside of which it is mounted
	}
	m.options.RootMount = mounts[0].Mountpoint
	return nil
}
