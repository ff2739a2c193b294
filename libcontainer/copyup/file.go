package copyup

import (
	"strconv"

	"golang.org/x/sys/unix"
)

// copyFile copies a regular file.
func (c *copier) copyFile(from, to int, name string, st *unix.Stat_t) error {
	in, err := reopen(from, unix.O_RDONLY)
	if err != nil {
		return c.copyError("open", err)
	}
	defer func() { _ = unix.Close(in) }()
	out, err := unix.Openat(to, name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return c.copyError("openat", err)
	}
	defer func() { _ = unix.Close(out) }()
	if call, err := c.copyContents(in, out, st.Size); err != nil {
		return c.copyError(call, err)
	}
	return c.finishFile(in, out, st)
}

// reopen opens the file of an O_PATH descriptor. A name would be looked up again, and might be a device by now, which
// has effects when it is opened.
func reopen(fd, flags int) (int, error) {
	return unix.Open("/proc/self/fd/"+strconv.Itoa(fd), flags|unix.O_CLOEXEC|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
}

// copyContents copies the first size bytes of a file and preserves its holes (lseek(2)): /var/log/lastlog may have an
// apparent size of gigabytes.
func (c *copier) copyContents(in, out int, size int64) (call string, err error) {
	for at := int64(0); at < size; {
		data, err := unix.Seek(in, at, unix.SEEK_DATA)
		if err == unix.ENXIO {
			break // a hole up to the end
		}
		hole := size
		switch {
		case err == unix.EINVAL:
			data = at // a file system without support for holes
		case err != nil:
			return "lseek", err
		default:
			if hole, err = unix.Seek(in, data, unix.SEEK_HOLE); err != nil {
				return "lseek", err
			}
		}
		if call, err := c.copyRange(in, out, data, min(hole, size)); err != nil {
			return call, err
		}
		at = hole
	}
	return "ftruncate", unix.Ftruncate(out, size)
}

// copyRange copies from one offset to another, or to the end if the file has become shorter.
func (c *copier) copyRange(in, out int, at, end int64) (call string, err error) {
	for at < end {
		n, err := unix.Pread(in, c.buffer[:min(int64(len(c.buffer)), end-at)], at)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return "pread64", err
		}
		if n == 0 {
			return "", nil
		}
		for done := 0; done < n; {
			k, err := unix.Pwrite(out, c.buffer[done:n], at+int64(done))
			if err != nil && err != unix.EINTR {
				return "pwrite64", err
			}
			done += max(k, 0)
		}
		at += int64(n)
		if at%(1<<20) < int64(n) {
			c.progress()
		}
	}
	return "", nil
}
