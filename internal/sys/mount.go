package sys

import "golang.org/x/sys/unix"

// mountFlags has what the flags of a mount that statfs(2) returns are to mount(2) and to mount_setattr(2). The times of
// access are values of one field there, of which relatime is 0.
var mountFlags = [...]struct {
	has  int64   // ST_*
	flag uintptr // MS_*
	attr uint64  // MOUNT_ATTR_*
}{
	{unix.ST_RDONLY, unix.MS_RDONLY, unix.MOUNT_ATTR_RDONLY},
	{unix.ST_NOSUID, unix.MS_NOSUID, unix.MOUNT_ATTR_NOSUID},
	{unix.ST_NODEV, unix.MS_NODEV, unix.MOUNT_ATTR_NODEV},
	{unix.ST_NOEXEC, unix.MS_NOEXEC, unix.MOUNT_ATTR_NOEXEC},
	{unix.ST_NOATIME, unix.MS_NOATIME, unix.MOUNT_ATTR_NOATIME},
	{unix.ST_NODIRATIME, unix.MS_NODIRATIME, unix.MOUNT_ATTR_NODIRATIME},
	{unix.ST_RELATIME, unix.MS_RELATIME, unix.MOUNT_ATTR_RELATIME},
}

// MountFlags returns the MS_* flags of mount(2) that stand for the ST_* flags of a mount, as statfs(2) returns them.
func MountFlags(st int64) (flags uintptr) {
	for i := range mountFlags {
		if st&mountFlags[i].has != 0 {
			flags |= mountFlags[i].flag
		}
	}
	return flags
}

// MountAttrs returns the MOUNT_ATTR_* of mount_setattr(2) that stand for the ST_* flags of a mount.
func MountAttrs(st int64) (attrs uint64) {
	for i := range mountFlags {
		if st&mountFlags[i].has != 0 {
			attrs |= mountFlags[i].attr
		}
	}
	return attrs
}
