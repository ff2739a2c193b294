package copyup

import (
	"runtime"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
)

// RunAsOwner calls f with uid and gid as the owner of new files (setfsuid(2)), and with unchanged capabilities. In a
// tmpfs of a user namespace a process whose ids are not mapped there can't make files, not even the host's root:
// EOVERFLOW.
//
// These ids belong to a thread, so f must not leave it. The calls can't report a failure; it shows at the first file.
func RunAsOwner(uid, gid uint32, f func() error) error {
	ownUID, ownGID := unix.Geteuid(), unix.Getegid()
	if int(uid) == ownUID && int(gid) == ownGID {
		return f()
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var caps [2]unix.CapUserData
	if err := unix.Capget(&header, &caps[0]); err != nil {
		return diag.Sys("rt's capabilities can't be read", "capget", err)
	}
	_, _ = unix.SetfsgidRetGid(int(gid))
	_, _ = unix.SetfsuidRetUid(int(uid))
	defer func() {
		_, _ = unix.SetfsuidRetUid(ownUID)
		_, _ = unix.SetfsgidRetGid(ownGID)
	}()
	// With another id than root's the file capabilities are lost: restore them.
	if err := unix.Capset(&header, &caps[0]); err != nil {
		return diag.Sys("rt's capabilities can't be restored", "capset", err)
	}
	return f()
}
