package sys

import (
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// Distrust returns the reason not to trust a file with status st whose type should be kind (S_IFDIR, S_IFREG); "" if
// there is none. It must belong to root or the caller, and other users must not be able to write it.
func Distrust(st *unix.Stat_t, kind uint32) string {
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
