// Package caller represents the caller of a method of package libcontainer: its context, which may be cancelled; for
// rt(8) the signals that end it or are forwarded; and what the method reports in addition to an error.
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
	Command bool              // as in libcontainer.Runtime
	Debug   func(line string) // as in libcontainer.Runtime; may be nil

	// These are fields of libcontainer.Result.
	Pid       int
	EndReason string
	Warnings  []string

	killed bool // the context was cancelled while a program ran in the foreground
}

// Log calls Debug, unless that is nil.
func (c *Caller) Log(line string) {
	if c.Debug != nil {
		c.Debug(line)
	}
}

// Warn adds warnings.
func (c *Caller) Warn(lines ...string) { c.Warnings = append(c.Warnings, lines...) }

// Quiet returns a caller with the same context, whose reports nobody reads.
func (c *Caller) Quiet() *Caller { return &Caller{Context: c.Context, Command: c.Command} }

// Cancelled returns an error if the context was cancelled.
func (c *Caller) Cancelled() error {
	if c.Context.Err() != nil {
		return &diag.Error{Kind: diag.Host, Problem: "the call was cancelled", Err: context.Cause(c.Context)}
	}
	return nil
}

// Interrupted returns an error if the context was cancelled, or if a Command has received a signal that ends it.
func (c *Caller) Interrupted() error {
	if err := c.Cancelled(); err != nil {
		return err
	}
	if c.Command {
		return foreground.Interrupted()
	}
	return nil
}

// CatchEnd catches the signals that end a Command, for Interrupted, until the returned function is called.
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

// Attend waits for the end of a process as foreground.Attend does. It kills the process if the context is cancelled.
// Only a Command waits for orphans.
func (c *Caller) Attend(pid, master int, streams [3]int, orphans bool) (int, error) {
	orphans = orphans && c.Command
	if c.Context.Done() == nil {
		return foreground.Attend(pid, master, streams, orphans)
	}
	pidfd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return 0, diag.Sys("a pidfd of the container's process can't be opened", "pidfd_open", err)
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

// Explain returns the error of the method. If the context was cancelled, the error says so first, and then has err: the
// cancelled work may have failed in any way. It is also an error that the cancellation has killed a program.
func (c *Caller) Explain(err error) error {
	if err == nil && c.killed {
		return &diag.Error{
			Kind: diag.Host, Problem: "the call was cancelled, and the program was killed",
			Err: context.Cause(c.Context),
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
