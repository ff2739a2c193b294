package sys

import (
	"testing"

	"golang.org/x/sys/unix"
)

// The two forms of a mount's flags say the same, and what is not a flag of both is in neither.
func TestMountFlags(t *testing.T) {
	const st = unix.ST_RDONLY | unix.ST_NOSUID | unix.ST_NOATIME | unix.ST_RELATIME | 0x20 /* ST_VALID */
	if got, want := MountFlags(st), uintptr(unix.MS_RDONLY|unix.MS_NOSUID|unix.MS_NOATIME|
		unix.MS_RELATIME); got != want {
		t.Errorf("MountFlags: %#x, want %#x", got, want)
	}
	if got, want := MountAttrs(st), uint64(unix.MOUNT_ATTR_RDONLY|unix.MOUNT_ATTR_NOSUID|
		unix.MOUNT_ATTR_NOATIME); got != want {
		t.Errorf("MountAttrs: %#x, want %#x", got, want)
	}
}
