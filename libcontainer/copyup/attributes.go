package copyup

import (
	"strings"

	"golang.org/x/sys/unix"
)

// finishFile gives a copy, an open file or directory, the owner, mode, extended attributes and times of the original.
// The order matters: chown(2) clears file capabilities and set-id bits, and everything changes times.
func (c *copier) finishFile(in, out int, st *unix.Stat_t) error {
	kept, err := c.setOwner(out, "", st)
	if err != nil {
		return err
	}
	if err := unix.Fchmod(out, modeOfCopy(st, kept)); err != nil {
		return c.copyError("fchmod", err)
	}
	if err := c.copyAttributes(in, out, kept); err != nil {
		return err
	}
	return c.setTimes(out, "", st)
}

// finishNode does the same for links, devices, sockets and fifos, which can't be opened without side effects, by their
// name in the directory to. Of their extended attributes none are copied.
func (c *copier) finishNode(to int, name string, st *unix.Stat_t) error {
	kept, err := c.setOwner(to, name, st)
	if err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFLNK {
		if err := unix.Fchmodat(to, name, modeOfCopy(st, kept), 0); err != nil {
			return c.copyError("fchmodat", err)
		}
	}
	return c.setTimes(to, name, st)
}

// modeOfCopy returns the mode of a copy. Without the owner of the original it has no set-id bits: they would give the
// rights of another user.
func modeOfCopy(st *unix.Stat_t, kept bool) uint32 {
	if kept {
		return st.Mode & 0o7777
	}
	return st.Mode & 0o7777 &^ (unix.S_ISUID | unix.S_ISGID)
}

// sameFile makes *at calls with an empty name apply to the descriptor itself, and not follow links.
const sameFile = unix.AT_EMPTY_PATH | unix.AT_SYMLINK_NOFOLLOW

func (c *copier) setTimes(to int, name string, st *unix.Stat_t) error {
	if err := unix.UtimesNanoAt(to, name, []unix.Timespec{st.Atim, st.Mtim}, sameFile); err != nil {
		return c.copyError("utimensat", err)
	}
	return nil
}

// setOwner gives a copy the owner of the original, and reports whether it could. If the container's user namespace
// lacks the id, or rt may not change owners, the copy belongs to the container's root.
//
// Such a file must be readable by all: rt can read more than the container's root could.
func (c *copier) setOwner(to int, name string, st *unix.Stat_t) (kept bool, err error) {
	if st.Uid == c.uid && st.Gid == c.gid {
		return true, nil
	}
	err = unix.Fchownat(to, name, int(st.Uid), int(st.Gid), sameFile)
	switch err {
	case nil:
		return true, nil
	case unix.EINVAL, unix.EOVERFLOW, unix.EPERM: // no such id in rt's or the container's user namespace; no permission
	default:
		return false, c.copyError("fchownat", err)
	}
	if c.privileged && !isReadableByAll(st.Mode) {
		return false, c.refusalError("its owner has no id in the container's user namespace, where root could not " +
			"read it: change its owner, or its mode")
	}
	// One of the two may be possible.
	if unix.Fchownat(to, name, int(st.Uid), -1, sameFile) != nil {
		_ = unix.Fchownat(to, name, -1, int(st.Gid), sameFile)
	}
	return false, nil
}

// isReadableByAll reports whether every user may read a file of this mode.
func isReadableByAll(mode uint32) bool {
	switch mode & unix.S_IFMT {
	case unix.S_IFREG:
		return mode&unix.S_IROTH != 0
	case unix.S_IFDIR:
		return mode&(unix.S_IROTH|unix.S_IXOTH) == unix.S_IROTH|unix.S_IXOTH
	}
	return true
}

// isCopied reports whether an extended attribute (xattr(7)) is copied. Labels of security modules belong to the
// location of the file, and trusted attributes to the file system's users, such as overlay.
func isCopied(attribute string) bool {
	return attribute == "security.capability" || strings.HasPrefix(attribute, "user.") ||
		strings.HasPrefix(attribute, "system.posix_acl_")
}

// copyAttributes copies the extended attributes. File capabilities are copied only if the copy has the owner of the
// original.
func (c *copier) copyAttributes(in, out int, kept bool) error {
	n, err := unix.Flistxattr(in, c.buffer)
	if err == unix.EOPNOTSUPP || n == 0 && err == nil {
		return nil
	}
	if err != nil {
		return c.copyError("flistxattr", err)
	}
	for a := range strings.SplitSeq(string(c.buffer[:n-1]), "\x00") {
		if !isCopied(a) || a == "security.capability" && !kept {
			continue
		}
		n, err := unix.Fgetxattr(in, a, c.buffer)
		if err == unix.ENODATA {
			continue // removed meanwhile
		}
		if err != nil {
			return c.copyError("fgetxattr", err)
		}
		err = setExtended(out, a, c.buffer[:n])
		// A tmpfs has no user attributes before Linux 6.6. Only root gives capabilities.
		if err != nil && err != unix.EOPNOTSUPP && (c.privileged || err != unix.EPERM) {
			return c.copyError("fsetxattr", err)
		}
	}
	return nil
}
