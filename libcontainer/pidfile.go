package libcontainer

import (
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/internal/sys"
)

// writePidFile writes the number alone, without a newline, under another name first: engines read the file as soon as
// it is there. A link by either name is replaced, never followed.
func writePidFile(path string, pid int) error {
	fd, temporary, err := sys.Temporary(path, 0o644)
	if err == nil {
		_, err = unix.Write(fd, strconv.AppendInt(nil, int64(pid), 10))
		_ = unix.Close(fd)
		if err == nil {
			err = os.Rename(temporary, path)
		}
		if err != nil {
			_ = unix.Unlink(temporary)
		}
	}
	if err != nil {
		e := diag.Sys("the pid file can't be written", "openat", err)
		e.Field, e.Value = "--pid-file", path
		return e
	}
	return nil
}
