package state

import (
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
)

// The state directory decides which processes rt signals and which hooks it runs, so it is trusted only if no other
// user could have written it: each directory and file must belong to root or the caller, and not be writable by others.
// In a directory like /tmp anybody can make a directory with a name that will be used later.

// distrust returns the reason not to trust a file with status st whose type should be kind (S_IFDIR, S_IFREG); "" if
// there is none.
func distrust(st *unix.Stat_t, kind uint32) string {
	const writableByGroup, writableByAll = 0o020, 0o002
	if st.Mode&unix.S_IFMT != kind {
		if kind == unix.S_IFDIR {
			return "is not a directory"
		}
		return "is not a regular file"
	}
	if st.Uid != 0 && int(st.Uid) != os.Geteuid() {
		return "belongs to user " + strconv.Itoa(int(st.Uid)) + ", who is neither root nor the caller"
	}
	if st.Mode&writableByAll != 0 {
		return "is writable by every user"
	}
	if st.Mode&writableByGroup != 0 && st.Gid != 0 && int(st.Gid) != os.Getegid() {
		return "is writable by group " + strconv.Itoa(int(st.Gid))
	}
	return ""
}

// distrustContainer is distrust of the directory of a container.
func distrustContainer(st *unix.Stat_t) string { return distrust(st, unix.S_IFDIR) }

// distrustRoot is distrust of the root of the state directories. A sticky one that every user may write to is accepted,
// since no user can remove or rename files of another in it: a tmpfs mounted for it has that mode, 1777. Files that
// others make in it are not trusted.
func distrustRoot(st *unix.Stat_t) string {
	sticky := *st
	if st.Mode&unix.S_ISVTX != 0 {
		sticky.Mode &^= 0o022
	}
	return distrust(&sticky, unix.S_IFDIR)
}

// checkTrust checks the directory fd, whose path is path, with distrustContainer or distrustRoot.
func checkTrust(fd int, path string, distrust func(*unix.Stat_t) string) error {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return diag.Sys(path+" can't be examined", "fstat", err)
	}
	if problem := distrust(&st); problem != "" {
		return &diag.Error{
			Kind: diag.Host, Field: path, Problem: problem + ", and is not trusted",
			Hint: "the state directory and its files must belong to root or the caller and be writable by no other " +
				"user; name another directory with --root",
		}
	}
	return nil
}
