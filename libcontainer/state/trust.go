package state

import (
	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/internal/sys"
)

// The state directory decides which processes rt signals and which hooks it runs, so it is trusted only if no other
// user could have written it: each directory and file must belong to root or the caller, and not be writable by others.
// In a directory like /tmp anybody can make a directory with a name that will be used later.

// distrustRoot returns the reason not to trust the root of the state directories, "" if there is none. A sticky one
// that every user may write to is accepted, since no user can remove or rename files of another in it: a tmpfs mounted
// for it has that mode, 1777. Files that others make in it are not trusted.
func distrustRoot(st *unix.Stat_t) string {
	sticky := *st
	if st.Mode&unix.S_ISVTX != 0 {
		sticky.Mode &^= 0o022
	}
	return sys.Distrust(&sticky, unix.S_IFDIR)
}

// checkTrust checks the directory fd: that of the container id, or r itself if id is "".
func (r *Root) checkTrust(fd int, id string) error {
	var st unix.Stat_t
	err := unix.Fstat(fd, &st)
	problem := ""
	switch {
	case err != nil:
	case id == "":
		problem = distrustRoot(&st)
	default:
		problem = sys.Distrust(&st, unix.S_IFDIR)
	}
	if err == nil && problem == "" {
		return nil
	}
	path := r.path
	if id != "" {
		path += "/" + id
	}
	if err != nil {
		return diag.Sys(path+" can't be examined", "fstat", err)
	}
	return &diag.Error{
		Kind: diag.Host, Field: path, Problem: problem + ", and is not trusted",
		Hint: "the state directory and its files must belong to root or the caller and be writable by no other " +
			"user; name another directory with --root",
	}
}
