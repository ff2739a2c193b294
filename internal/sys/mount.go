package sys

import "golang.org/x/sys/unix"

// MountFlags returns the MS_* flags of mount(2) that stand for the ST_* flags of a mount, as statfs(2) returns them.
func MountFlags(st int64) (flags uintptr) {
	for _, f := range [...]struct {
		has  int64
		flag uintptr
	}{
		{unix.ST_RDONLY, unix.MS_RDONLY},
		{unix.ST_NOSUID, unix.MS_NOSUID},
		{unix.ST_NODEV, unix.MS_NODEV},
		{unix.ST_NOEXEC, unix.MS_NOEXEC},
		{unix.ST_NOATIME, unix.MS_NOATIME},
		{unix.ST_NODIRATIME, unix.MS_NODIRATIME},
		{unix.ST_RELATIME, unix.MS_RELATIME},
	} {
		if st&f.has != 0 {
			flags |= f.flag
		}
	}
	return flags
}
