package engine

import (
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/internal/sys"
	"rt/libcontainer/hostpath"
)

// SendPid sends a pidfd of a process to the engine on pidfdSocket, and writes the pid to pidFile. It skips either if
// its path is "".
func SendPid(pid int, pidfdSocket, pidFile string) error {
	if pidfdSocket != "" {
		if err := sendPidfd(pidfdSocket, pid); err != nil {
			return err
		}
	}
	if pidFile != "" {
		return writePidFile(pidFile, pid)
	}
	return nil
}

// sendPidfd sends a pidfd of the process to the socket: pidfd_open(2).
func sendPidfd(path string, pid int) error {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return diag.Sys("a pidfd of the container's process can't be opened", "pidfd_open", err)
	}
	defer func() { _ = unix.Close(fd) }()
	return send("--pidfd-socket", path, "pidfd", fd)
}

// writePidFile writes the pid alone, without a newline, to a temporary file, which it renames: engines read the file as
// soon as it exists. A symbolic link by either name is replaced, never followed. What is no file that a rename may
// replace, such as /dev/null of the host, gets the text itself.
func writePidFile(path string, pid int) error {
	text := strconv.AppendInt(nil, int64(pid), 10)
	if done, err := writeSpecial(path, text); done || err != nil {
		return err
	}
	fd, temporary, err := sys.CreateTemporary(path, 0o644)
	if err != nil {
		return diag.Sys("the pid file can't be created", "openat", err).At("--pid-file", path)
	}
	_, err = unix.Write(fd, text)
	_ = unix.Close(fd)
	if err == nil {
		err = os.Rename(temporary, path)
	}
	if err != nil {
		_ = unix.Unlink(temporary)
		return diag.Sys("the pid file can't be written", "write", err).At("--pid-file", path)
	}
	return nil
}

// writeSpecial writes text to a character device or a FIFO at path, and reports whether there is one. Any other special
// file, and a link to one, is an error.
func writeSpecial(path string, text []byte) (bool, error) {
	var st unix.Stat_t
	if unix.Lstat(path, &st) != nil {
		return false, nil
	}
	kind := st.Mode & unix.S_IFMT
	if kind == unix.S_IFLNK {
		kind = typeBehind(path)
	}
	switch {
	case kind == unix.S_IFREG || kind == unix.S_IFDIR || kind == unix.S_IFLNK:
		return false, nil
	case kind == st.Mode&unix.S_IFMT && (kind == unix.S_IFCHR || kind == unix.S_IFIFO):
	default:
		return false, &diag.Error{
			Kind: diag.Host, Field: "--pid-file", Value: path,
			Problem: "is a special file or a link to one, which the pid file would replace: name a regular file",
		}
	}
	flags := unix.O_WRONLY | unix.O_NOFOLLOW | unix.O_NONBLOCK | unix.O_NOCTTY | unix.O_CLOEXEC
	fd, err := unix.Open(path, flags, 0)
	if err != nil {
		return false, diag.Sys("the pid can't be written", "open", err).At("--pid-file", path)
	}
	defer func() { _ = unix.Close(fd) }()
	if _, err := unix.Write(fd, text); err != nil {
		return false, diag.Sys("the pid can't be written", "write", err).At("--pid-file", path)
	}
	return true, nil
}

// typeBehind returns the type of the file to which a symbolic link leads; S_IFLNK if it leads nowhere, or to a file
// system that does not answer: the link may be another user's.
func typeBehind(path string) uint32 {
	fd, err := hostpath.Open(path, 0)
	if err != nil {
		return unix.S_IFLNK
	}
	defer func() { _ = unix.Close(fd) }()
	kind, err := hostpath.Type(fd)
	if err != nil {
		return unix.S_IFLNK
	}
	return uint32(kind)
}

// send sends a descriptor to a listening Unix stream socket, with its name as the payload, as runc does.
func send(option, path, name string, fd int) error {
	fail := func(call string, err error) error {
		e := diag.Sys(name+" can't be passed", call, err).At(option, path)
		if e.Errno == unix.EAGAIN {
			e.Hint = "the listener does not accept connections: its queue is full"
		}
		return e
	}
	socket, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fail("socket", err)
	}
	defer func() { _ = unix.Close(socket) }()
	if err := unix.Connect(socket, &unix.SockaddrUnix{Name: path}); err != nil {
		return fail("connect", err)
	}
	if err := unix.Sendmsg(socket, []byte(name), unix.UnixRights(fd), nil, unix.MSG_NOSIGNAL); err != nil {
		return fail("sendmsg", err)
	}
	return nil
}
