package state

import (
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
)

// What is in the state directory decides which processes rt signals and which hooks it runs, so it is believed only if nobody else could have written it: each
// directory and file must be root's or the caller's, and not writable by anybody else. In a directory like /tmp everybody can make one of a name that
// somebody will use.

// distrust returns what is wrong with a file whose status is st and whose type should be kind (S_IFDIR, S_IFREG); "" if nothing is.
func distrust(st *unix.Stat_t, kind uint32) string {
	const writableByGroup, writableByAll = 0o020, 0o002
	if st.Mode&unix.S_IFMT != kind {
		if kind == unix.S_IFDIR {
			return "is no directory"
		}
		return "is no regular file"
	}
	if st.Uid != 0 && int(st.Uid) != os.Geteuid() {
		return "belongs to user " + strconv.Itoa(int(st.Uid)) + ", who is neither root nor the caller"
	}
	if st.Mode&writableByAll != 0 {
		return "can be written by everybody"
	}
	if st.Mode&writableByGroup != 0 && st.Gid != 0 && int(st.Gid) != os.Getegid() {
		return "can be written by group " + strconv.Itoa(int(st.Gid))
	}
	return ""
}

// distrustContainer is distrust of the directory of a container.
func distrustContainer(st *unix.Stat_t) string { return distrust(st, unix.S_IFDIR) }

// distrustRoot is distrust of the directory that holds the containers' directories. One that everybody may write to, but where nobody can remove or rename what
// is another's, will do: a tmpfs that was mounted for it has that mode, 1777. What others make in it is not believed.
func distrustRoot(st *unix.Stat_t) string {
	sticky := *st
	if st.Mode&unix.S_ISVTX != 0 {
		sticky.Mode &^= 0o022
	}
	return distrust(&sticky, unix.S_IFDIR)
}

// checkTrust checks the directory fd, which is at path, by distrust or distrustRoot.
func checkTrust(fd int, path string, distrust func(*unix.Stat_t) string) error {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return diag.Sys("look at "+path, "fstat", err)
	}
	if problem := distrust(&st); problem != "" {
		return &diag.Error{
			Kind: diag.Host, Field: path, Problem: problem + ": what it says is not believed",
			Hint: "the state directory and all in it must be root's or the caller's, and writable by nobody else; name another with --root",
		}
	}
	return nil
}
