package hooks

import (
	"errors"
	"strconv"
	"syscall"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"rt/libcontainer/diag"
)

// end is how a hook ended.
type end struct {
	status  unix.WaitStatus
	timeout time.Duration // not zero if that is why
}

// maxSeconds is what poll(2) can wait for: 2^31 milliseconds, about 24 days.
const maxSeconds = 1 << 31 / 1000

// timeout is the time a hook may take; 0 means any.
func timeout(h *specs.Hook) time.Duration {
	if h.Timeout == nil {
		return 0
	}
	return min(time.Duration(*h.Timeout), maxSeconds) * time.Second
}

// wait feeds the hook's stdin until the hook ends, or kills it when limit has passed. Only the hook itself: its children are its own business,
// and a process group of its own would take a hook at a terminal out of the foreground.
func wait(pid int, in *input, limit time.Duration) (end, *diag.Error) {
	pidfd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		_ = unix.Kill(pid, unix.SIGKILL) // pid is our child and not waited for, so it is still that process
		_, _ = reap(pid)
		return end{}, diag.Sys("watch the hook", "pidfd_open", err)
	}
	defer func() { _ = unix.Close(pidfd) }()

	e := end{}
	if !ended(pidfd, in, limit) {
		e.timeout = limit
		_ = unix.PidfdSendSignal(pidfd, unix.SIGKILL, nil, 0)
	}
	e.status, err = reap(pid)
	if err != nil {
		return e, diag.Sys("wait for the hook", "wait4", err)
	}
	return e, nil
}

// ended polls until the process of pidfd has ended, or limit has passed.
func ended(pidfd int, in *input, limit time.Duration) bool {
	deadline := time.Now().Add(limit)
	for {
		// poll(2) ignores a negative descriptor, which is what a pipe that is done with has become.
		fds := []unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}, {Fd: int32(in.write), Events: unix.POLLOUT}}
		ms := -1
		if limit > 0 {
			left := time.Until(deadline)
			if left <= 0 {
				return false
			}
			ms = int((left + time.Millisecond - 1) / time.Millisecond)
		}
		_, err := unix.Poll(fds, ms)
		if err != nil && err != unix.EINTR {
			panic("hooks: poll(2) of two descriptors: " + err.Error())
		}
		if fds[0].Revents != 0 {
			return true
		}
		if fds[1].Revents != 0 {
			in.fill() // also after POLLERR, to meet the EPIPE
		}
	}
}

// reap waits for a child of any kind: one that was cloned with CLONE_PARENT has no exit signal and is seen with __WALL only (wait(2)).
func reap(pid int) (unix.WaitStatus, error) {
	var ws unix.WaitStatus
	for {
		_, err := unix.Wait4(pid, &ws, unix.WALL, nil)
		if err != unix.EINTR {
			return ws, err
		}
	}
}

// problem is nil if the hook ended well, else what it did and what it said.
func (e end) problem(h *specs.Hook, out *output) *diag.Error {
	var p string
	switch {
	case e.timeout > 0:
		p = "the hook was killed: it was still running after its timeout of " + strconv.Itoa(*h.Timeout) + " s"
	case e.status.Signaled():
		p = "the hook was killed by signal " + strconv.Itoa(int(e.status.Signal())) + signalName(e.status.Signal())
	case e.status.ExitStatus() != 0:
		p = "the hook ended with exit status " + strconv.Itoa(e.status.ExitStatus())
	default:
		return nil
	}
	if said := out.tail(); said != "" {
		p += ", saying: " + said
	}
	return &diag.Error{Problem: p}
}

// signalName is " (SIGKILL)", or nothing for a real-time signal.
func signalName(s syscall.Signal) string {
	name := unix.SignalName(s)
	if name == "" {
		return ""
	}
	return " (" + name + ")"
}

// startError says why there was no hook to wait for.
func startError(h *specs.Hook, o *Options, err error) *diag.Error {
	if o.Start == nil && o.Dir != "" && unix.Access(o.Dir, unix.X_OK) != nil {
		return diag.Sys("the working directory of the hook, "+o.Dir, "chdir", err)
	}
	var e *diag.Error
	if errors.As(err, &e) {
		return e // the supervisor's Start knows better
	}
	e = diag.Sys("the hook could not be started", "execve", err)
	if o.Start == nil && errors.Is(err, unix.ENOENT) && unix.Access(h.Path, unix.F_OK) == nil {
		e.Hint = "the file exists; what does not is the interpreter that its #! line or its ELF header names"
	}
	return e
}
