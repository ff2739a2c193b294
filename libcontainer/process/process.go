// Package process waits for processes and signals them. It identifies a container's process by pid and start time, and
// signals through a pidfd (pidfd_open(2)), because the kernel may have given the pid to another process.
package process

import (
	"bytes"
	"os"
	"path"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/libcontainer/state"
	"rt/nsenter"
)

// Open returns a pidfd of the process with this pid and start time, or -1 if it has ended. The start time is compared
// after the pidfd is open: a process that is alive then was alive before, so the pid was not reused. It is an error if
// a process that may live can't be opened.
func Open(pid int, startTime uint64) (pidfd int, err error) {
	if pid <= 0 {
		return -1, nil
	}
	pidfd, err = unix.PidfdOpen(pid, 0)
	switch err {
	case nil:
	case unix.ESRCH, unix.EINVAL, unix.ENOENT: // EINVAL, or ENOENT since Linux 6.9: a thread of another process has it
		return -1, nil
	default:
		return -1, diag.Sys("a pidfd of the container's process can't be opened", "pidfd_open", err)
	}
	alive, err := state.Alive(pid, startTime)
	if !alive || err != nil {
		_ = unix.Close(pidfd)
		return -1, err
	}
	return pidfd, nil
}

// IsBoot reports whether a process executes a boot image, and not the user's program yet. It returns true if that is
// unknown.
func IsBoot(pid int) bool {
	name, err := os.Readlink("/proc/" + strconv.Itoa(pid) + "/exe")
	// If a memfd can't be executed, the image is an unnamed file, whose link is "DIR/#INODE (deleted)".
	return err != nil || strings.HasPrefix(name, "/memfd:"+nsenter.ImageName) ||
		strings.HasPrefix(path.Base(name), "#") && strings.HasSuffix(name, " (deleted)")
}

// Kill sends SIGKILL to the process with this pid and start time, unless it has ended or can't be opened.
func Kill(pid int, startTime uint64) {
	if pidfd, _ := Open(pid, startTime); pidfd >= 0 {
		_ = unix.PidfdSendSignal(pidfd, unix.SIGKILL, nil, 0)
		_ = unix.Close(pidfd)
	}
}

// Terminates reports whether the default action of a signal terminates a process: signal(7).
func Terminates(sig unix.Signal) bool {
	switch sig {
	case unix.SIGCHLD, unix.SIGCONT, unix.SIGSTOP, unix.SIGTSTP, unix.SIGTTIN, unix.SIGTTOU, unix.SIGURG,
		unix.SIGWINCH, 0:
		return false
	}
	return true
}

// Name returns the kernel's name of a process (comm), and whether the process is a zombie: proc_pid_stat(5).
func Name(pid int) (name string, zombie bool) {
	fd, err := unix.Open("/proc/"+strconv.Itoa(pid)+"/stat", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", false
	}
	defer func() { _ = unix.Close(fd) }()
	var stat [512]byte
	n, err := unix.Read(fd, stat[:])
	if err != nil || n <= 0 {
		return "", false
	}
	text := stat[:n]
	first, last := bytes.IndexByte(text, '('), bytes.LastIndexByte(text, ')')
	if first < 0 || last < first || last+2 >= len(text) {
		return "", false
	}
	status := text[last+2]
	return string(text[first+1 : last]), status == 'Z' || status == 'X'
}
