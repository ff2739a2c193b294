// Package overlay reserves the directory of --overlay, which stores the changes of a container, for one container.
//
// Two containers must not write into one layer (overlayfs: "sharing layers"). While rt creates or attends a container,
// it holds a lock on the directory. Afterwards the file used-by reserves the directory until the container's process
// has ended, even if the other rt has another --root. It contains the ID, the pid and the start time of the container.
package overlay

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/internal/sys"
	"rt/internal/undo"
	"rt/libcontainer/state"
)

// usedBy is the file in the directory that names the container.
const usedBy = "used-by"

// Dir is a directory of --overlay that this process has locked.
type Dir struct {
	option string // the value of --overlay, for messages
	path   string
	fd     int
	undo   undo.Stack // removes what was created, until Record
}

// Take locks the directory path, and creates it if it is missing. option is the value of --overlay.
func Take(path, option string) (*Dir, error) {
	d := &Dir{option: option, path: path, fd: -1}
	if err := d.take(); err != nil {
		d.Undo()
		d.Close()
		return nil, err
	}
	return d, nil
}

func (d *Dir) take() (err error) {
	switch err := unix.Mkdir(d.path, 0o700); err {
	case nil:
		d.undo.Push(func() { _ = unix.Rmdir(d.path) })
	case unix.EEXIST:
	default:
		return d.failed("can't be created", "mkdir", err)
	}
	if d.fd, err = unix.Open(d.path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0); err != nil {
		return d.failed("can't be opened", "open", err)
	}
	if err := unix.Flock(d.fd, unix.LOCK_EX|unix.LOCK_NB); err == unix.EWOULDBLOCK {
		return d.inUse(d.user("another container"))
	} else if err != nil {
		return d.failed("can't be locked", "flock", err)
	}
	if by := d.user(""); by != "" {
		return d.inUse(by)
	}
	if unix.Faccessat(d.fd, "upper", unix.F_OK, 0) == unix.ENOENT {
		d.undo.Push(d.removeContents) // no earlier container has left changes
	}
	return nil
}

// Record writes used-by. From then on Undo removes nothing.
func (d *Dir) Record(id string, pid int, startTime uint64) error {
	fd, err := sys.Rewrite(d.fd, usedBy, 0o600)
	if err != nil {
		return d.failed("the file used-by in it can't be written", "openat", err)
	}
	text := id + " " + strconv.Itoa(pid) + " " + strconv.FormatUint(startTime, 10) + "\n"
	_, err = unix.Write(fd, []byte(text))
	_ = unix.Close(fd)
	if err != nil {
		return d.failed("the file used-by in it can't be written", "write", err)
	}
	d.undo.Clear()
	return nil
}

// Undo removes what was created in the directory, and the directory itself if Take has created it.
func (d *Dir) Undo() { d.undo.Run() }

// Close releases the lock.
func (d *Dir) Close() {
	if d.fd >= 0 {
		_ = unix.Close(d.fd)
	}
	d.fd = -1
}

func (d *Dir) failed(problem, call string, err error) error {
	return diag.Sys(problem, call, err).At("--overlay", d.option)
}

func (d *Dir) inUse(by string) error {
	d.undo.Clear() // the contents belong to the other container
	return &diag.Error{
		Kind: diag.Usage, Field: "--overlay", Value: d.option,
		Problem: "is in use by " + by +
			": two containers can't write into one layer, so choose another directory, or end that container",
	}
}

// user returns the name of the container that uses the directory, from used-by; unknown if that has ended or is
// missing.
func (d *Dir) user(unknown string) string {
	fd, err := unix.Openat(d.fd, usedBy, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return unknown
	}
	defer func() { _ = unix.Close(fd) }()
	const limit = 4096
	line, err := sys.ReadSmall(fd, limit)
	text := strings.Fields(string(line))
	if err != nil || len(text) != 3 {
		return unknown
	}
	pid, _ := strconv.Atoi(text[1])
	start, _ := strconv.ParseUint(text[2], 10, 64)
	if alive, err := state.Alive(pid, start); err != nil || !alive {
		return unknown
	}
	return "container " + text[0] + " (pid " + text[1] + ")"
}

// removeContents removes the contents of the directory after a failed creation. No program of the container has written
// there.
func (d *Dir) removeContents() {
	for _, name := range [...]string{"upper", "work", usedBy} {
		_ = os.RemoveAll(filepath.Join(d.path, name))
	}
}
