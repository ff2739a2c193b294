package libcontainer

import (
	"golang.org/x/sys/unix"

	"rt/libcontainer/plan"
)

// mountedOnHost reports whether the host has a file system of the kernel at its usual path. A procfs is that of rt's
// own pid namespace, or rt would not find its own children there, and fail.
func mountedOnHost(h *plan.HostMount) bool {
	var st unix.Statfs_t
	return unix.Statfs(h.Path, &st) == nil && st.Type == h.Magic
}

// newMqueue returns a detached mount of the message queues of rt's ipc namespace: mq_overview(7), fsopen(2).
func newMqueue() (int, error) {
	fs, err := unix.Fsopen("mqueue", unix.FSOPEN_CLOEXEC)
	if err != nil {
		return -1, err
	}
	defer func() { _ = unix.Close(fs) }()
	if err := unix.FsconfigCreate(fs); err != nil {
		return -1, err
	}
	return unix.Fsmount(fs, unix.FSMOUNT_CLOEXEC,
		unix.MOUNT_ATTR_RDONLY|unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NOEXEC|unix.MOUNT_ATTR_NODEV)
}
