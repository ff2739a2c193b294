package inspect

import (
	"slices"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/internal/sys"
	"rt/libcontainer/hostpath"
	"rt/libcontainer/plan"
	"rt/spec"
)

// checkRootfs checks that root.path is a directory, and that /dev/null can cover files of it.
func checkRootfs(s *spec.Spec) error {
	fd, err := hostpath.Open(s.Rootfs, 0)
	if err == nil {
		kind, typeErr := hostpath.Type(fd)
		_ = unix.Close(fd)
		if err = typeErr; err == nil && kind != unix.S_IFDIR {
			err = unix.ENOTDIR
		}
	}
	if err != nil {
		e := hostpath.LookUpError("the root file system can't be used", "stat", err).At("root.path", s.Rootfs)
		if e.Errno == unix.EACCES {
			return e.WithHint(hostpath.BlockedHint(s.Rootfs))
		}
		return e
	}
	if len(s.MaskedPaths) == 0 {
		return nil
	}
	return checkNull("/dev/null")
}

// checkNull returns an error if path, which is mounted on masked files, is not the null device.
func checkNull(path string) error {
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		return diag.Sys("the host's /dev/null can't be used to mask files", "lstat", err)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFCHR || st.Rdev != unix.Mkdev(1, 3) {
		return &diag.Error{
			Kind: diag.Host, Field: "linux.maskedPaths",
			Problem: "the host's /dev/null is not the character device 1:3, and can't be used to mask files",
		}
	}
	return nil
}

// findRootMount returns the mount point of the mount that root.path is in: proc_pid_mountinfo(5). statx(2) identifies
// the mount (STATX_MNT_ID, Linux 5.8). Its path does not, because another mount may cover it.
func findRootMount(rootfs string) (string, error) {
	failed := func(err error) error {
		return &diag.Error{
			Kind: diag.Host, Field: "linux.rootfsPropagation",
			Problem: "the mount that root.path is in can't be found", Err: err,
		}
	}
	st, err := sys.StatNoSync(unix.AT_FDCWD, rootfs, 0, unix.STATX_MNT_ID)
	if err != nil {
		return "", &diag.Error{Kind: diag.Host, Field: "root.path", Value: rootfs, Err: err}
	}
	mount, err := findMount(st.Mnt_id)
	if err != nil {
		return "", failed(err) // ENOENT: rt is in a chroot(2), and the mount point outside of it
	}
	return mount.Mountpoint, nil
}

// findMount returns the mount with an ID; ENOENT if rt's mount table does not have it.
func findMount(id uint64) (*mountinfo.Info, error) {
	mounts, err := mountinfo.GetMounts(func(mount *mountinfo.Info) (skip, stop bool) {
		found := uint64(mount.ID) == id
		return !found, found
	})
	if err != nil {
		return nil, err
	}
	if len(mounts) == 0 {
		return nil, unix.ENOENT
	}
	return mounts[0], nil
}

// fileSystemAt returns the type of the file system that a path of the host is in.
func fileSystemAt(path string) (string, error) {
	_, mount, err := mountAt(path, 0)
	if err != nil {
		return "", err
	}
	return mount.FSType, nil
}

// mountAt returns the attributes of a path of the host from the caches of the kernel, selected by mask as in statx(2),
// and the mount that the path is in.
func mountAt(path string, mask int) (st unix.Statx_t, mount *mountinfo.Info, err error) {
	fd, err := hostpath.Open(path, 0)
	if err != nil {
		return st, nil, err
	}
	defer func() { _ = unix.Close(fd) }()
	st, err = sys.StatNoSync(fd, "", unix.AT_EMPTY_PATH, mask|unix.STATX_MNT_ID)
	if err != nil {
		return st, nil, err
	}
	mount, err = findMount(st.Mnt_id)
	return st, mount, err
}

// findKernelMounts finds the mounts that a container with --no-pivot must not have below its root: each procfs and
// sysfs, and the mounts that cover one. See proc_pid_mountinfo(5).
func findKernelMounts() ([]plan.KernelMount, error) {
	mounts, err := mountinfo.GetMounts(nil)
	if err != nil {
		return nil, &diag.Error{
			Kind: diag.Host, Field: "--no-pivot", Problem: "the host's mounts can't be read", Err: err,
		}
	}
	return kernelMounts(mounts), nil
}

// kernelMounts selects those of findKernelMounts from a mount table.
func kernelMounts(mounts []*mountinfo.Info) (found []plan.KernelMount) {
	points := make(map[int]string, len(mounts))
	for _, mount := range mounts {
		points[mount.ID] = mount.Mountpoint
	}
	for _, mount := range mounts {
		over := slices.ContainsFunc(found, func(m plan.KernelMount) bool { return m.Path == mount.Mountpoint })
		if mount.FSType != "proc" && mount.FSType != "sysfs" && !over {
			continue
		}
		parent, ok := points[mount.Parent]
		if !ok {
			parent = "/" // in a chroot(2), the table does not have the mount of its root
		}
		found = append(found, plan.KernelMount{Path: mount.Mountpoint, Parent: parent})
	}
	return found
}
