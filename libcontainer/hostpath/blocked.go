package hostpath

import (
	"os"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"

	"rt/internal/sys"
)

// BlockedHint returns a hint that names the first directory on the way to an absolute path that the user of this
// process may not enter. It returns "" if there is none, or the user is root. It is called after a look-up of the path
// has failed with EACCES, and sends no request to a file system: the kernel has the directories in its caches.
func BlockedHint(path string) string {
	if unix.Geteuid() == 0 {
		return ""
	}
	open := func(name string) (int, error) {
		how := unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: resolveCached}
		return unix.Openat2(unix.AT_FDCWD, name, &how)
	}
	for at := 0; at < len(path); at++ {
		if path[at] != '/' {
			continue
		}
		directory := path[:max(at, 1)]
		// The look-up of "." in a directory requires the permission to enter it. Without the permission the kernel
		// would check again outside of its caches, and returns EAGAIN.
		fd, err := open(directory + "/.")
		if err == nil {
			_ = unix.Close(fd)
			continue
		}
		if fd, err = open(directory); err != nil {
			return ""
		}
		defer func() { _ = unix.Close(fd) }()
		if !mayEnter(fd) {
			return directory + " may not be entered (x) by user " + strconv.Itoa(unix.Geteuid()) + " of the host"
		}
		return ""
	}
	return ""
}

// mayEnter reports whether the mode of the directory of an O_PATH descriptor allows this process to enter it.
func mayEnter(fd int) bool {
	st, err := sys.StatNoSync(fd, "", unix.AT_EMPTY_PATH, unix.STATX_MODE|unix.STATX_UID|unix.STATX_GID)
	if err != nil {
		return true
	}
	groups, _ := os.Getgroups()
	switch {
	case int(st.Uid) == unix.Geteuid():
		return st.Mode&0o100 != 0
	case int(st.Gid) == unix.Getegid() || slices.Contains(groups, int(st.Gid)):
		return st.Mode&0o010 != 0
	}
	return st.Mode&0o001 != 0
}
