package libcontainer

import (
	"context"
	"errors"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/libcontainer/foreground"
)

// Result is what a call reports besides its error. Pid and Warnings may be set after an error too.
type Result struct {
	// Pid is the process of the container, or of Exec, in the pid namespace of the caller; 0 if there is none yet.
	// After a call in the foreground it has ended.
	Pid int
	// Status is the exit status of that process in the foreground: its own, or 128 and the number of the signal that
	// killed it.
	Status int
	// EndReason says in one sentence why the process of Run has ended, if the kernel or a limit has ended it.
	EndReason string
	// Warnings are one line each: what the runtime specification wants a warning for, and what could not be undone.
	Warnings []string
}

// call is one call of a method of Runtime that has a Result, with what is collected for that. It has a copy of the
// Runtime: the caller may change a field before the call has ended.
type call struct {
	Runtime
	ctx       context.Context
	warnings  []string
	endReason string
	pid       int
	killed    bool // the call was cancelled while a program ran in the foreground
}

// call begins a call.
func (r *Runtime) call(ctx context.Context) *call { return &call{Runtime: *r, ctx: ctx} }

// ended returns what Run and Exec return: an error too if the call was cancelled while the program ran.
func (r *call) ended(status int, err error) (Result, error) {
	if err == nil && r.killed {
		err = &diag.Error{
			Kind: diag.Host, Problem: "the call was cancelled, and the program killed", Err: context.Cause(r.ctx),
		}
	}
	return r.result(status), r.cancelled(err)
}

// cancelled returns the error of a call. If the call was cancelled that is the reason, and err comes after it: what was
// under way may have failed in any way.
func (r *call) cancelled(err error) error {
	if err == nil || r.ctx.Err() == nil || errors.Is(err, context.Cause(r.ctx)) {
		return err
	}
	e := &diag.Error{Kind: diag.Host, Problem: "the call was cancelled", Err: context.Cause(r.ctx)}
	if failed, ok := errors.AsType[*diag.Error](err); ok {
		e.More = []*diag.Error{failed}
	}
	return e
}

func (r *call) result(status int) Result {
	return Result{Pid: r.pid, Status: status, EndReason: r.endReason, Warnings: r.warnings}
}

// interrupted returns an error if the call was cancelled, or a signal ends a process that is a Command.
func (r *call) interrupted() error {
	if r.ctx != nil && r.ctx.Err() != nil {
		return &diag.Error{Kind: diag.Host, Problem: "the call was cancelled", Err: context.Cause(r.ctx)}
	}
	if r.Command {
		return foreground.Interrupted()
	}
	return nil
}

// catchEnd holds back the signals that end a Command until the returned function is called.
func (r *call) catchEnd() (restore func()) {
	if !r.Command {
		return func() {}
	}
	return foreground.CatchEnd()
}

// catchSignals takes the signals of a Command, to forward them.
func (r *call) catchSignals() {
	if r.Command {
		foreground.CatchSignals()
	}
}

// attend waits for the end of a process: see foreground.Attend. It kills the process if the call is cancelled.
func (r *call) attend(pid, master int, streams [3]int, orphans bool) (int, error) {
	if r.ctx == nil || r.ctx.Done() == nil {
		return foreground.Attend(pid, master, streams, orphans)
	}
	pidfd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return 0, diag.Sys("the container's process can't be watched", "pidfd_open", err)
	}
	killed := make(chan struct{})
	stop := context.AfterFunc(r.ctx, func() {
		_ = unix.PidfdSendSignal(pidfd, unix.SIGKILL, nil, 0)
		close(killed)
	})
	status, err := foreground.Attend(pid, master, streams, orphans)
	if !stop() {
		<-killed
		r.killed = true
	}
	_ = unix.Close(pidfd)
	return status, err
}
