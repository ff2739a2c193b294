package engine

import (
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/internal/sys"
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
// soon as it exists. A symbolic link by either name is replaced, never followed.
func writePidFile(path string, pid int) error {
	fd, temporary, err := sys.CreateTemporary(path, 0o644)
	if err != nil {
		return diag.Sys("the pid file can't be created", "openat", err).At("--pid-file", path)
	}
	_, err = unix.Write(fd, strconv.AppendInt(nil, int64(pid), 10))
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
