package state

import (
	"errors"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/internal/sys"
)

// write replaces a file of the directory: readers, which take no lock, see the old text or the new one, and a process
// that is killed leaves one of them.
//
// There is no fsync(2). The file must survive the death of rt, which the page cache does. No container survives a crash
// of the kernel, so a state.json lost in one describes nothing.
func (c *Container) write(name string, text []byte) error {
	c.mustBeLocked("write")
	// One name is enough under the lock, and the next write overwrites what an interrupted one left.
	tmp := name + ".new"
	fd, err := unix.Openat(
		c.fd,
		tmp,
		unix.O_WRONLY|unix.O_CREAT|unix.O_TRUNC|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC,
		0o600,
	)
	if err != nil {
		return diag.Sys(c.Path(name)+" can't be written", "openat", err)
	}
	err = writeAll(fd, text)
	if e := unix.Close(fd); err == nil {
		err = e
	}
	if err != nil {
		_ = unix.Unlinkat(c.fd, tmp, 0)
		return diag.Sys(c.Path(name)+" can't be written", "write", err)
	}
	if err := unix.Renameat(c.fd, tmp, c.fd, name); err != nil {
		return diag.Sys(c.Path(name)+" can't be written", "renameat", err)
	}
	return nil
}

// writeAll writes the whole text to fd.
func writeAll(fd int, text []byte) error {
	for len(text) > 0 {
		n, err := unix.Write(fd, text)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return err
		}
		text = text[n:]
	}
	return nil
}

// maxFile is the greatest size, in bytes, of a file that is read: greater than any config.json, and than rt writes.
const maxFile = 64 << 20

// read reads a file of the directory. The error is the bare errno, or the reason why the file is not trusted.
func (c *Container) read(name string) ([]byte, error) {
	fd, err := unix.Openat(c.fd, name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	defer func() { _ = unix.Close(fd) }()
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return nil, err
	}
	if problem := sys.Distrust(&st, unix.S_IFREG); problem != "" {
		return nil, errors.New("it " + problem)
	}
	if st.Size > maxFile {
		return nil, unix.EFBIG
	}
	b := make([]byte, st.Size)
	n := 0
	for n < len(b) {
		m, err := sys.Read(fd, b[n:])
		if err != nil {
			return nil, err
		}
		if m == 0 {
			break // truncated meanwhile: not by rt, and the parser will report it
		}
		n += m
	}
	return b[:n], nil
}
