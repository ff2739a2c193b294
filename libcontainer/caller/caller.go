// Package caller is the link between a method of package libcontainer and whoever has called it: a context that may be
// cancelled, for rt(8) the signals that end or are forwarded, and what is reported besides an error.
package caller

import (
	"context"
	"errors"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/libcontainer/foreground"
)

// Caller is the caller of one method. It is used by one goroutine.
type Caller struct {
	Context context.Context
	// Command says that the process works for this container alone: see libcontainer.Runtime.
	Command bool
	// Debug gets a line for each thing that rt does; nil drops them.
	Debug func(line string)

	// What the method reports: see libcontainer.Result.
	Pid       int
	EndReason string
	Warnings  []string

	killed bool // the context was cancelled while a program ran in the foreground
}

// Log passes a line to Debug.
func (c *Caller) Log(line string) {
	if c.Debug != nil {
		c.Debug(line)
	}
}

// Warn adds warnings.
func (c *Caller) Warn(lines ...string) { c.Warnings = append(c.Warnings, lines...) }

// Quiet returns a caller with the same context, who has no use for what is reported.
func (c *Caller) Quiet() *Caller { return &Caller{Context: c.Context, Command: c.Command} }

// Cancelled returns an error if the context was cancelled.
func (c *Caller) Cancelled() error {
	if c.Context.Err() != nil {
		return &diag.Error{Kind: diag.Host, Problem: "the call was cancelled", Err: context.Cause(c.Context)}
	}
	return nil
}

// Interrupted returns an error if the context was cancelled, or a signal ends a process that is a Command.
func (c *Caller) Interrupted() error {
	if err := c.Cancelled(); err != nil {
		return err
	}
	if c.Command {
		return foreground.Interrupted()
	}
	return nil
}

// CatchEnd holds back the signals that end a Command until the returned function is called.
func (c *Caller) CatchEnd() (restore func()) {
	if !c.Command {
		return func() {}
	}
	return foreground.CatchEnd()
}

// CatchSignals catches the signals of a Command, to forward them.
func (c *Caller) CatchSignals() {
	if c.Command {
		foreground.CatchSignals()
	}
}

// Attend waits for the end of a process: see foreground.Attend. It kills the process if the context is cancelled. A
// Command waits for the orphans too that a container without a pid namespace of its own leaves to it.
func (c *Caller) Attend(pid, master int, streams [3]int, orphans bool) (int, error) {
	orphans = orphans && c.Command
	if c.Context.Done() == nil {
		return foreground.Attend(pid, master, streams, orphans)
	}
	pidfd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return 0, diag.Sys("the container's process can't be watched", "pidfd_open", err)
	}
	killed := make(chan struct{})
	stop := context.AfterFunc(c.Context, func() {
		_ = unix.PidfdSendSignal(pidfd, unix.SIGKILL, nil, 0)
		close(killed)
	})
	status, err := foreground.Attend(pid, master, streams, orphans)
	if !stop() {
		<-killed
		c.killed = true
	}
	_ = unix.Close(pidfd)
	return status, err
}

// Explain returns the error of the method. If the context was cancelled that is the reason, and err comes after it:
// what was under way may have failed in any way. It is an error too if a program was killed for it.
func (c *Caller) Explain(err error) error {
	if err == nil && c.killed {
		return &diag.Error{
			Kind: diag.Host, Problem: "the call was cancelled, and the program killed", Err: context.Cause(c.Context),
		}
	}
	if err == nil || c.Context.Err() == nil || errors.Is(err, context.Cause(c.Context)) {
		return err
	}
	e := &diag.Error{Kind: diag.Host, Problem: "the call was cancelled", Err: context.Cause(c.Context)}
	if failed, ok := errors.AsType[*diag.Error](err); ok {
		e.More = []*diag.Error{failed}
	}
	return e
}
