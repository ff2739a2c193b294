package sys

import (
	"errors"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// Other users may be able to create files in the directory of a file that a caller names. So these functions neither
// follow symbolic links of other users, all but those of root and the caller, nor wait for unknown processes: a FIFO
// that nobody reads is an error.

// maxLinks is how many symbolic links the kernel follows (path_resolution(7)).
const maxLinks = 40

// OpenOutput opens a file that rt writes for its caller, with flags such as O_APPEND or O_TRUNC besides, and makes it
// where it is missing. A symbolic link instead of the file is followed if it is root's or the caller's own, as
// /dev/stderr is, and otherwise an error, ELOOP. The file may be a device, or a FIFO, which must have a reader (ENXIO).
// The descriptor is close-on-exec and, for a FIFO, does not block.
func OpenOutput(path string, flags int, mode uint32) (int, error) {
	const always = unix.O_WRONLY | unix.O_CREAT | unix.O_NONBLOCK | unix.O_NOCTTY | unix.O_CLOEXEC
	for range maxLinks {
		fd, err := unix.Open(path, flags|always|unix.O_NOFOLLOW, mode)
		if err == unix.ELOOP {
			target, magic, err := readOwnLink(path)
			if err != nil {
				return -1, err
			}
			if !magic {
				path = target
				continue
			}
			fd, err = unix.Open(path, (flags|always)&^unix.O_CREAT, 0)
			return clearNonblock(fd, err)
		}
		return clearNonblock(fd, err)
	}
	return -1, unix.ELOOP
}

// readOwnLink returns the target of a symbolic link that belongs to root or the caller, and otherwise ELOOP. magic says
// that it is a magic link of procfs, which has no path as its target.
func readOwnLink(path string) (target string, magic bool, err error) {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", false, err
	}
	defer func() { _ = unix.Close(fd) }()
	var st unix.Stat_t
	var fs unix.Statfs_t
	if err := unix.Fstat(fd, &st); err != nil {
		return "", false, err
	}
	if err := unix.Fstatfs(fd, &fs); err != nil {
		return "", false, err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFLNK || st.Uid != 0 && int(st.Uid) != unix.Geteuid() {
		return "", false, unix.ELOOP
	}
	var text [unix.PathMax]byte
	n, err := unix.Readlinkat(fd, "", text[:])
	if err != nil {
		return "", false, err
	}
	target = string(text[:n])
	if !filepath.IsAbs(target) {
		target = filepath.Join(filepath.Dir(path), target)
	}
	return target, fs.Type == unix.PROC_SUPER_MAGIC && filepath.Base(filepath.Dir(path)) == "fd", nil
}

// ErrNotInput is the error of ReadInput for a file that might never end, or never begin.
var ErrNotInput = errors.New("it must be a regular file, or a pipe that rt has inherited (/dev/fd/N)")

// ReadInput reads a file that rt's caller names, whole: a regular one, or a pipe, a terminal or another file that rt
// has inherited and that is named by its descriptor (/dev/fd/N, /dev/stdin, /proc/self/fd/N), as a shell's <(...) is.
// Anything else, such as a FIFO that nobody may ever write to, is ErrNotInput.
func ReadInput(path string) ([]byte, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	defer func() { _ = unix.Close(fd) }()
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return nil, err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		if st.Mode&unix.S_IFMT == unix.S_IFDIR {
			return nil, unix.EISDIR
		}
		if !isInherited(path) {
			return nil, ErrNotInput
		}
		if err := unix.SetNonblock(fd, false); err != nil {
			return nil, err
		}
	}
	return ReadAll(fd)
}

// isInherited reports whether path names a descriptor that this process has inherited.
func isInherited(path string) bool {
	return path == "/dev/stdin" || strings.HasPrefix(path, "/dev/fd/") || strings.HasPrefix(path, "/proc/self/fd/")
}

// ReadSmall reads a regular file of at most most bytes, whoever wrote it: another type of file is EINVAL, a larger one
// EFBIG.
func ReadSmall(fd, most int) ([]byte, error) {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return nil, err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return nil, unix.EINVAL
	}
	if st.Size > int64(most) {
		return nil, unix.EFBIG
	}
	text := make([]byte, st.Size)
	n, err := unix.Read(fd, text)
	return text[:max(n, 0)], err
}

// ReadAll reads fd to its end. os.ReadFile would set up Go's poller first: eight system calls, in a process that does
// not need it.
func ReadAll(fd int) ([]byte, error) {
	// One byte more than the size, so that the end is read without a larger slice.
	size := 4 << 10
	var st unix.Stat_t
	if unix.Fstat(fd, &st) == nil && st.Size > 0 && st.Size < 64<<20 {
		size = int(st.Size) + 1
	}
	raw := make([]byte, 0, size)
	for {
		n, err := Read(fd, raw[len(raw):cap(raw)])
		switch {
		case err != nil:
			return nil, err
		case n == 0:
			return raw, nil
		default:
			raw = raw[:len(raw)+n]
			if len(raw) == cap(raw) {
				raw = append(raw, 0)[:len(raw)]
			}
		}
	}
}

// clearNonblock makes writes to a file that was opened wait, except for a FIFO, whose reader may stop.
func clearNonblock(fd int, err error) (int, error) {
	if err != nil {
		return -1, err
	}
	var st unix.Stat_t
	err = unix.Fstat(fd, &st)
	if err == nil && st.Mode&unix.S_IFMT != unix.S_IFIFO {
		err = unix.SetNonblock(fd, false)
	}
	if err != nil {
		_ = unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// CreateTemporary makes a new file next to path, which the caller renames to path. Whatever has its name is removed.
func CreateTemporary(path string, mode uint32) (fd int, name string, err error) {
	dir, base := filepath.Split(path)
	name = dir + "." + base + ".new"
	for range 3 {
		fd, err = unix.Open(name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, mode)
		if err != unix.EEXIST {
			return fd, name, err
		}
		// Of an rt that was killed, or another user's: it is the name that goes, not what it leads to.
		if err = unix.Unlink(name); err != nil && err != unix.ENOENT {
			break
		}
	}
	return -1, name, err
}

// Rewrite opens the file called name in the directory dir, empties it, and makes it if it does not exist. A file of
// another type is EINVAL, or the error of open(2) for a link or a FIFO.
func Rewrite(dir int, name string, mode uint32) (int, error) {
	fd, err := unix.Openat(dir, name,
		unix.O_WRONLY|unix.O_CREAT|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, mode)
	if err != nil {
		return -1, err
	}
	if !IsRegular(fd) {
		err = unix.EINVAL
	} else {
		err = unix.Ftruncate(fd, 0)
	}
	if err != nil {
		_ = unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// IsRegular reports whether fd is a regular file.
func IsRegular(fd int) bool {
	var st unix.Stat_t
	return unix.Fstat(fd, &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFREG
}
