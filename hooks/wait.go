package hooks

import (
	"errors"
	"strconv"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"rt/internal/diag"
)

// runningHook is a hook from its start to its end.
type runningHook struct {
	in          *input
	out         [2]*output // standard output and standard error
	limit       time.Duration
	interrupted func() bool
}

// close closes the standard streams of the hook.
func (r *runningHook) close() {
	if r.in != nil {
		r.in.close()
	}
	for _, out := range r.out {
		if out != nil {
			out.close()
		}
	}
}

// maxSeconds is what poll(2) can wait for: 2^31 milliseconds, about 24 days.
const maxSeconds = 1 << 31 / 1000

// timeoutOf returns the time that a hook may take; 0 means any.
func timeoutOf(h *specs.Hook) time.Duration {
	if h.Timeout == nil {
		return 0
	}
	return min(time.Duration(*h.Timeout), maxSeconds) * time.Second
}

// wait serves the hook's standard streams until the hook ends, or kills it when its time is over or rt has to end. It
// returns nil if the hook succeeded. It kills the hook alone, not its children: with a process group of its own a hook
// at a terminal would not be in the foreground.
func (r *runningHook) wait(pid int) *diag.Error {
	r.in.closeRead()
	for _, out := range r.out {
		out.closeHookEnd()
	}
	pidfd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		_ = unix.Kill(pid, unix.SIGKILL) // the pid is still the child's: it has not been waited for
		_, _ = reap(pid)
		return diag.Sys("it can't be watched", "pidfd_open", err)
	}
	defer func() { _ = unix.Close(pidfd) }()

	why := r.serveStreams(pidfd)
	if why != "" {
		_ = unix.PidfdSendSignal(pidfd, unix.SIGKILL, nil, 0)
	}
	status, err := reap(pid)
	for _, out := range r.out {
		out.end()
	}
	if err != nil {
		return diag.Sys("it can't be waited for", "wait4", err)
	}
	if why == "" {
		why = failureOf(status)
	}
	if why == "" {
		return nil
	}
	return &diag.Error{Problem: why + ", stdout: " + r.out[0].lastOutput() + ", stderr: " + r.out[1].lastOutput()}
}

// serveStreams serves the streams until the process of pidfd has ended, or returns why the hook has to be killed.
func (r *runningHook) serveStreams(pidfd int) string {
	deadline := time.Now().Add(r.limit)
	for {
		// poll(2) ignores a negative descriptor: that of a pipe that is closed.
		fds := []unix.PollFd{
			{Fd: int32(pidfd), Events: unix.POLLIN},
			{Fd: int32(r.in.write), Events: unix.POLLOUT},
			{Fd: int32(r.out[0].read), Events: unix.POLLIN},
			{Fd: int32(r.out[1].read), Events: unix.POLLIN},
		}
		ms := -1
		if r.limit > 0 {
			left := time.Until(deadline)
			if left <= 0 {
				return "hook ran past specified timeout of " + strconv.FormatFloat(r.limit.Seconds(), 'f', 1, 64) +
					"s, and was killed"
			}
			ms = int((left + time.Millisecond - 1) / time.Millisecond)
		}
		if r.interrupted != nil {
			if r.interrupted() {
				return "killed, since rt got a signal to end"
			}
			const often = 100 // milliseconds
			if ms < 0 || ms > often {
				ms = often
			}
		}
		_, err := unix.Poll(fds, ms)
		if err != nil && err != unix.EINTR {
			panic("hooks: poll(2) of four descriptors: " + err.Error())
		}
		for i, out := range r.out {
			if fds[2+i].Revents != 0 && !out.drain() {
				out.read = closeFD(out.read)
			}
		}
		if fds[0].Revents != 0 {
			return ""
		}
		if fds[1].Revents != 0 {
			r.in.fill() // after POLLERR too, which then is an EPIPE
		}
	}
}

// reap waits for a child of any kind: a child cloned with CLONE_PARENT has no exit signal and is reported only with
// __WALL (wait(2)).
func reap(pid int) (unix.WaitStatus, error) {
	var ws unix.WaitStatus
	for {
		_, err := unix.Wait4(pid, &ws, unix.WALL, nil)
		if err != unix.EINTR {
			return ws, err
		}
	}
}

// failureOf returns how the hook failed, or "" if it succeeded.
func failureOf(status unix.WaitStatus) string {
	switch {
	case status.Signaled():
		p := "signal: " + status.Signal().String()
		if name := unix.SignalName(status.Signal()); name != "" {
			p += " (" + name + ")"
		}
		return p
	case status.ExitStatus() != 0:
		return "exit status " + strconv.Itoa(status.ExitStatus())
	}
	return ""
}

// startError returns the error of a hook that could not be started.
func startError(h *specs.Hook, o *Options, err error) *diag.Error {
	if o.Start == nil && o.Dir != "" && unix.Access(o.Dir, unix.X_OK) != nil {
		return diag.Sys("its working directory "+o.Dir+" can't be entered", "chdir", err)
	}
	var e *diag.Error
	if errors.As(err, &e) {
		return e // the supervisor's Start knows better
	}
	e = diag.Sys("it could not be started", "execve", err)
	if o.Start == nil && errors.Is(err, unix.ENOENT) && unix.Access(h.Path, unix.F_OK) == nil {
		e.Hint = "the file exists; what does not is the interpreter that its #! line or its ELF header names"
	}
	return e
}
