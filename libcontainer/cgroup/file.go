package cgroup

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"

	"rt/internal/sys"
)

// writeFile writes value to a file of cgroupfs with one write(2), as each of them demands. cgroupfs has no symbolic
// links except those next to the mount points of v1, which rt never follows, so paths are safe here.
func writeFile(dir, name, value string) error {
	fd, err := unix.Open(dir+"/"+name, unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	for {
		_, err = unix.Write(fd, []byte(value))
		if err != unix.EINTR {
			break
		}
	}
	_ = unix.Close(fd)
	return err
}

// readFile reads a file of cgroupfs.
func readFile(dir, name string) (string, error) {
	fd, err := unix.Open(dir+"/"+name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", err
	}
	defer unix.Close(fd) //nolint:errcheck // it was only read
	return readAll(fd)
}

// readAll reads from fd to the end.
func readAll(fd int) (string, error) {
	text := make([]byte, 0, 512)
	for {
		if len(text) == cap(text) {
			text = append(text, 0)[:len(text)]
		}
		n, err := sys.Read(fd, text[len(text):cap(text)])
		switch {
		case err != nil:
			return "", err
		case n == 0:
			return string(text), nil
		default:
			text = text[:len(text)+n]
		}
	}
}

// cause returns the errno inside an error of the library, or the error itself.
func cause(err error) error {
	if errno, ok := errors.AsType[unix.Errno](err); ok {
		return errno
	}
	return err
}

// fileOf returns the path of the file that an error of the library is about, or "".
func fileOf(err error) string {
	if p, ok := errors.AsType[*os.PathError](err); ok {
		return p.Path
	}
	return ""
}
