package libcontainer

import (
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"

	"rt/libcontainer/diag"
)

// writePidFile writes the number alone, without a newline, under another name first: engines read the file as soon as it is there.
func writePidFile(path string, pid int) error {
	dir, name := filepath.Split(path)
	temporary := dir + "." + name
	fd, err := unix.Open(temporary, unix.O_WRONLY|unix.O_CREAT|unix.O_TRUNC|unix.O_CLOEXEC, 0o644)
	if err == nil {
		_, err = unix.Write(fd, strconv.AppendInt(nil, int64(pid), 10))
		_ = unix.Close(fd)
	}
	if err == nil {
		err = os.Rename(temporary, path)
	}
	if err != nil {
		_ = unix.Unlink(temporary)
		e := diag.Sys("write the pid file", "openat", err)
		e.Field, e.Value = "--pid-file", path
		return e
	}
	return nil
}
