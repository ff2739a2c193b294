package nsenter

import (
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
)

// Where vm.memfd_noexec=2 forbids executable memfds (Linux 6.3), an image is a file without a name on some file system.
// Many file systems don't allow that: /run, which has the state, is mounted noexec on many machines.

// writeUnnamed writes the image to such a file: on a detached tmpfs, which requires CAP_SYS_ADMIN, or else in dir or
// the first of the usual directories from which programs can be executed.
func (image Image) writeUnnamed(dir string) (int, error) {
	if fd, err := image.writeOnTmpfs(); err == nil {
		return fd, nil
	}
	return image.writeOnDisk(dir, os.TempDir(), "/var/tmp", "/dev/shm")
}

// writeOnDisk writes the image to the first of some directories that it can be executed in.
func (image Image) writeOnDisk(dirs ...string) (int, error) {
	var refused []string
	for _, d := range dirs {
		if !allowsPrograms(d) {
			refused = append(refused, d)
			continue
		}
		// The file never has a name: others could open a named file before it is unlinked.
		w, err := unix.Open(d, unix.O_TMPFILE|unix.O_WRONLY|unix.O_EXCL|unix.O_CLOEXEC, 0o500)
		if err != nil {
			refused = append(refused, d)
			continue
		}
		return image.writeTo(w)
	}
	return -1, &diag.Error{
		Kind: diag.Host, Problem: "the boot image can be executed nowhere: vm.memfd_noexec=2 forbids memfds, and in " +
			"none of these directories may rt write and execute files: " +
			strings.Join(refused, ", "),
		Hint: "set vm.memfd_noexec below 2 in this pid namespace, or give rt a --root on a file system that is not " +
			"mounted noexec",
	}
}

// writeOnTmpfs writes the image to a new tmpfs.
func (image Image) writeOnTmpfs() (int, error) {
	fs, err := unix.Fsopen("tmpfs", unix.FSOPEN_CLOEXEC)
	if err != nil {
		return -1, err
	}
	defer func() { _ = unix.Close(fs) }()
	if err := unix.FsconfigCreate(fs); err != nil {
		return -1, err
	}
	mount, err := unix.Fsmount(fs, unix.FSMOUNT_CLOEXEC, unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NODEV)
	if err != nil {
		return -1, err
	}
	defer func() { _ = unix.Close(mount) }()
	w, err := unix.Openat(mount, ".", unix.O_TMPFILE|unix.O_WRONLY|unix.O_EXCL|unix.O_CLOEXEC, 0o500)
	if err != nil {
		return -1, err
	}
	return image.writeTo(w)
}

// writeTo writes the image to w, which it closes, and returns a descriptor for reading: a file that someone may write
// to can't be executed (ETXTBSY).
func (image Image) writeTo(w int) (int, error) {
	defer func() { _ = unix.Close(w) }()
	if err := writeAll(w, image); err != nil {
		return -1, diag.Sys("the boot image can't be written", "write", err)
	}
	fd, err := unix.Open("/proc/self/fd/"+strconv.Itoa(w), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, diag.Sys("the boot image can't be opened", "open", err)
	}
	return fd, nil
}

// allowsPrograms reports whether a directory is on a file system from which programs may be executed.
func allowsPrograms(dir string) bool {
	var st unix.Statfs_t
	return unix.Statfs(dir, &st) == nil && st.Flags&unix.ST_NOEXEC == 0
}
