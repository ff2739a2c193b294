// Package supervise is rt's side of a boot process: it reads what the process reports, and does at each sync point what the caller has for it.
//
// A Session has the steps of the plan, the control channel, and a table from sync point to handler. Its rule is that a report is input. The boot
// process runs a program of rt's, but in a container: whoever got hold of it there writes to the channel what he likes. So nothing is
// accepted but what the plan can send next: see expected. A pid is taken only if it is a child of this process, a descriptor only if it is
// of the kind that the sync point brings. All else ends the boot process, and is an error.
//
// The package knows sync points and steps, not containers. What a failure means for people, and what is undone, is for package libcontainer.
package supervise

import (
	"errors"
	"io"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/libcontainer/plan"
	"rt/nsenter"
)

// Report is what a boot process tells at a sync point.
type Report struct {
	Step *nsenter.Step
	Pid  int // plan.PassesPid: the process that has taken the place of the one before; 0 otherwise
	// FD is the descriptor that came along, of the kind that the sync point passes; -1 without one. It is the handler's.
	FD int
}

// Handler does what is to be done at a sync point. The boot process goes on when it returns nil.
type Handler func(Report) error

// Handlers are the handlers of the sync points. One without a handler is an error for the boot process that comes to it.
type Handlers [plan.SyncPoints]Handler

// Session is the supervision of one boot process. All fields but Boot, Steps and On may be zero.
type Session struct {
	Boot *nsenter.Boot
	// Steps are the steps of the program, or its last ones: the first of them is step First of the program.
	Steps []nsenter.Step
	First int
	On    Handlers
	// Trace gets the reports of steps that trace; the step is the one that reports.
	Trace func(step *nsenter.Step, r nsenter.Record)
	// Debug gets a line for each sync point.
	Debug func(line string)
	// Reply, if a handler has set it, is the answer to its sync point, in place of a byte that says nothing.
	Reply []byte
	// Interrupted is asked a few times a second while a report is waited for; its error ends the wait.
	Interrupted func() error
	// Kill ends a boot process that is not a child of this process. Without it the session kills and waits for Boot.Pid.
	Kill func()

	expected *expected
}

// Failure is the report of a step that has failed.
type Failure struct {
	Index  int // in Steps
	Step   *nsenter.Step
	Result int64
}

func (f *Failure) Error() string {
	return f.Step.Sentence + ": " + f.Step.Call.String() + ": " + diag.ErrnoText(nsenter.Errno(f.Result))
}

// ErrEnded says that the boot process has closed the channel before it came to the sync point that it was served for.
var ErrEnded = errors.New("the boot process has ended")

// Serve serves the boot process until it comes to the sync point last, whose answer is left to the caller, or, with plan.SyncNone, until it closes the
// channel: it has executed a program, or has died. Otherwise the error is ErrEnded, a *Failure, that of a handler, or one about a report that the plan
// does not have; in the last case the boot process has been killed.
func (s *Session) Serve(last plan.SyncPoint) error {
	for {
		record, fd, err := s.next()
		switch {
		case errors.Is(err, io.EOF) && last == plan.SyncNone:
			return nil
		case errors.Is(err, io.EOF):
			return ErrEnded
		case err != nil:
			return err
		}
		step := &s.Steps[record.Step]
		switch record.Kind {
		case nsenter.Failed:
			return &Failure{record.Step, step, record.Value}
		case nsenter.Trace:
			if s.Trace != nil {
				s.Trace(step, record)
			}
		case nsenter.Sync:
			if s.Debug != nil {
				s.Debug("sync point " + step.Sync.String())
			}
			report := Report{Step: step, FD: fd}
			if plan.SyncPointOf(step).Passes() == plan.PassesPid {
				report.Pid = int(record.Value)
			}
			if plan.SyncPointOf(step) == last {
				return nil
			}
			if err := s.answer(report); err != nil {
				return err
			}
		}
	}
}

// answer has a sync point handled, and lets the boot process go on if it waits.
func (s *Session) answer(r Report) error {
	point := plan.SyncPointOf(r.Step)
	handle := s.On[point]
	if handle == nil {
		if r.FD >= 0 {
			_ = unix.Close(r.FD)
		}
		return s.refuse("waits at the sync point " + point.String() + ", which nobody serves here")
	}
	if r.Pid > 0 {
		if err := s.replace(r.Pid); err != nil {
			return err
		}
	}
	if err := handle(r); err != nil {
		if failure, ok := s.failedMeanwhile(); ok {
			return failure
		}
		return err
	}
	if !point.Waits() {
		return nil
	}
	if reply := s.Reply; reply != nil {
		s.Reply = nil
		return s.Boot.Answer(reply)
	}
	return s.Boot.Release()
}

// failedMeanwhile looks for the report of a boot process that failed while a handler was at work: what could not be done then, because there was no
// process any more, is not what went wrong.
func (s *Session) failedMeanwhile() (*Failure, bool) {
	for {
		fds := []unix.PollFd{{Fd: int32(s.Boot.FD()), Events: unix.POLLIN}}
		if n, err := unix.Poll(fds, 0); err == unix.EINTR {
			continue
		} else if n <= 0 {
			return nil, false // it still waits
		}
		record, fd, err := s.next()
		if err != nil {
			return nil, false
		}
		if fd >= 0 {
			_ = unix.Close(fd)
		}
		if record.Kind == nsenter.Failed {
			return &Failure{record.Step, &s.Steps[record.Step], record.Value}, true
		}
	}
}

// endLimit is how long a process that has made another one in its place may take to end. It has one more system call to make.
var endLimit = 10 * time.Second

// replace takes note of the process that the boot process has made and that takes its place, and waits for the end of the old one.
func (s *Session) replace(pid int) error {
	_, err := s.Boot.WaitWithin(endLimit)
	if err == unix.ETIMEDOUT {
		err = s.refuse("has made the process that takes its place, and does not end")
		s.Boot.Pid = pid
		s.End()
		return err
	}
	if err != nil {
		return diag.Sys("the first boot process can't be waited for", "wait4", err)
	}
	s.Boot.Pid = pid
	return nil
}

// next returns the next report if it is one that the plan can send now. Its Step is an index in Steps.
func (s *Session) next() (nsenter.Record, int, error) {
	if s.expected == nil {
		s.expected = newExpected(s.Steps)
	}
	if err := s.await(); err != nil {
		return nsenter.Record{}, -1, err
	}
	record, fd, err := s.Boot.Next()
	if errors.Is(err, nsenter.ErrReport) {
		return record, -1, s.refuse("has sent " + err.Error())
	}
	if err != nil {
		return record, -1, err
	}
	record.Step -= s.First
	if wrong := s.check(record, fd); wrong != "" {
		if fd >= 0 {
			_ = unix.Close(fd)
		}
		return record, -1, s.refuse("has sent a report that is not its next one: " + wrong)
	}
	return record, fd, nil
}

// await waits for a report, or the end of the channel.
func (s *Session) await() error {
	const often = 100 * time.Millisecond
	for s.Interrupted != nil && !s.Boot.ReadyWithin(often) {
		if err := s.Interrupted(); err != nil {
			return err
		}
	}
	return nil
}

// check returns what is wrong with a report; "" if it is one that can come now.
func (s *Session) check(r nsenter.Record, fd int) string {
	if r.Step < 0 || r.Step >= len(s.Steps) {
		return "the plan has no step with index " + strconv.Itoa(r.Step+s.First)
	}
	step := &s.Steps[r.Step]
	where := " of step " + strconv.Itoa(step.Number)
	passes := plan.PassesNothing
	switch r.Kind {
	case nsenter.Failed:
		if !canFailWith(step, r.Value) {
			return "result " + strconv.FormatInt(r.Value, 10) + where + " is no failure"
		}
	case nsenter.Trace:
		if !step.Traces() {
			return "a trace" + where
		}
	case nsenter.Sync:
		if step.Sync == nil {
			return "a sync point" + where
		}
		passes = plan.SyncPointOf(step).Passes()
	}
	if !s.expected.accept(r.Step, r.Kind == nsenter.Failed) {
		return "the report" + where
	}
	if wrong := checkDescriptor(passes, fd); wrong != "" {
		return wrong + where
	}
	if passes == plan.PassesPid && !s.canReplace(r.Value) {
		return "the pid " + strconv.FormatInt(r.Value, 10) + where
	}
	return ""
}

// refuse ends a boot process that does not keep to its plan.
func (s *Session) refuse(problem string) error {
	s.End()
	return &diag.Error{
		Kind: diag.Kernel, Problem: "the boot process " + problem + "; it was killed",
		Hint: "something in the container, or a debugger, has interfered with it",
	}
}

// End hangs up, kills the boot process and waits for it. It may be called more than once.
func (s *Session) End() {
	s.Boot.Close()
	if s.Kill != nil {
		s.Kill()
		return
	}
	// Not yet waited for, so the number is still that process's.
	if s.Boot.Pid > 0 && unix.Kill(s.Boot.Pid, unix.SIGKILL) == nil {
		_, _ = s.Boot.Wait()
	}
	s.Boot.Pid = 0
}

// Status hangs up and waits for the boot process, which has ended or is about to.
func (s *Session) Status() (unix.WaitStatus, error) {
	s.Boot.Close()
	status, err := s.Boot.Wait()
	s.Boot.Pid = 0
	return status, err
}
