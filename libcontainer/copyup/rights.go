package copyup

import (
	"runtime"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
)

// AsOwner calls f with uid and gid as the ids that new files get (setfsuid(2)), and with all other rights as they are. In a tmpfs of a user namespace
// nobody can make files whose own id has no place in it, not even the host's root: EOVERFLOW.
//
// These ids belong to a thread, so f must not leave it. A failure to take them shows at the first file: the calls themselves can't report one.
func AsOwner(uid, gid uint32, f func() error) error {
	ownUID, ownGID := unix.Geteuid(), unix.Getegid()
	if int(uid) == ownUID && int(gid) == ownGID {
		return f()
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var caps [2]unix.CapUserData
	if err := unix.Capget(&header, &caps[0]); err != nil {
		return diag.Sys("read rt's capabilities", "capget", err)
	}
	_, _ = unix.SetfsgidRetGid(int(gid))
	_, _ = unix.SetfsuidRetUid(int(uid))
	defer func() {
		_, _ = unix.SetfsuidRetUid(ownUID)
		_, _ = unix.SetfsgidRetGid(ownGID)
	}()
	// Another id than root's loses the capabilities over files: take them back.
	if err := unix.Capset(&header, &caps[0]); err != nil {
		return diag.Sys("keep rt's capabilities", "capset", err)
	}
	return f()
}
