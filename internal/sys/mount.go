package sys

import (
	"strings"

	"golang.org/x/sys/unix"
)

// mountFlags lists the flags of a mount: the option in /proc/PID/mountinfo, and the constants of statfs(2), mount(2)
// and mount_setattr(2). Those of the access times are values of one field of mount_setattr(2), in which relatime is 0.
var mountFlags = [...]struct {
	word string  // the option in mountinfo
	has  int64   // ST_*
	flag uintptr // MS_*
	attr uint64  // MOUNT_ATTR_*
}{
	{"ro", unix.ST_RDONLY, unix.MS_RDONLY, unix.MOUNT_ATTR_RDONLY},
	{"nosuid", unix.ST_NOSUID, unix.MS_NOSUID, unix.MOUNT_ATTR_NOSUID},
	{"nodev", unix.ST_NODEV, unix.MS_NODEV, unix.MOUNT_ATTR_NODEV},
	{"noexec", unix.ST_NOEXEC, unix.MS_NOEXEC, unix.MOUNT_ATTR_NOEXEC},
	{"noatime", unix.ST_NOATIME, unix.MS_NOATIME, unix.MOUNT_ATTR_NOATIME},
	{"nodiratime", unix.ST_NODIRATIME, unix.MS_NODIRATIME, unix.MOUNT_ATTR_NODIRATIME},
	{"relatime", unix.ST_RELATIME, unix.MS_RELATIME, unix.MOUNT_ATTR_RELATIME},
}

// StatFlags returns the ST_* flags of a mount with these options of /proc/PID/mountinfo. statfs(2), which returns them
// too, asks the server of the file system.
func StatFlags(options string) (st int64) {
	for option := range strings.SplitSeq(options, ",") {
		for i := range mountFlags {
			if mountFlags[i].word == option {
				st |= mountFlags[i].has
			}
		}
	}
	return st
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
