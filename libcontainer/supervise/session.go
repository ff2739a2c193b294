// Package supervise is rt's side of a boot process: it reads the reports of the process, and calls a handler at each
// sync point.
//
// A Session has the steps of the plan, the control channel, and a table from sync point to handler. It treats reports
// as untrusted input: the boot process runs in a container, and a process that controls it can write anything to the
// channel. The session accepts only reports that the plan can send next: see expected. A pid must be that of a child of
// this process, and a descriptor must have the type that the sync point passes. After any other report the session
// kills the boot process and returns an error.
//
// The package knows sync points and steps, not containers. Its callers turn a failure into an error for users (package
// failure), and undo their changes.
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

// Report is the report of a boot process at a sync point.
type Report struct {
	Step *nsenter.Step
	Pid  int // plan.PassesPid: the process that replaces the reporting one; 0 otherwise
	// FD is the descriptor that came with the report, of the kind that the sync point passes; -1 without one. The
	// handler closes it.
	FD int
}

// Handler serves a sync point. The boot process continues when it returns nil.
type Handler func(Report) error

// Handlers are the handlers of the sync points. A boot process that reaches a sync point without a handler is killed.
type Handlers [plan.SyncPoints]Handler

// Traits are properties of a boot process that its steps do not have.
type Traits uint8

const (
	// NoTimeLimit disables SilenceLimit: the boot process waits for an action of the user.
	NoTimeLimit Traits = 1 << iota
	// SamePrivileges says that the process has the same privileges and descriptors as the process that it clones to
	// replace itself. Then the session need not wait for the end of the first process before it answers the second one.
	SamePrivileges
)

// Session is the supervision of one boot process. All fields except Boot, Steps and Handlers may be zero.
type Session struct {
	Boot *nsenter.Boot
	// Steps are the steps of the program from step First on.
	Steps    []nsenter.Step
	First    int
	Handlers Handlers
	// Trace is called with the reports of steps that trace, and the step that sent each; it may be nil.
	Trace func(step *nsenter.Step, r nsenter.Record)
	// Debug is called with a line of text at each sync point; it may be nil.
	Debug func(line string)
	// Reply is the answer to the current sync point. A handler may set it; the default is one byte without a meaning.
	Reply []byte
	// Interrupted, if it is not nil, is called ten times a second while Serve waits for a report. Its error ends the
	// wait.
	Interrupted func() error
	// Kill kills a boot process that is not a child of this process. If it is nil, the session kills Boot.Pid, and
	// waits for its end.
	Kill func()
	// Image is the boot image of the process; it may be nil. With the image a Hang names the right step even if several
	// steps make the same call.
	Image  nsenter.Image
	Traits Traits

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

// ErrEnded says that the boot process has closed the channel before it reached the last sync point.
var ErrEnded = errors.New("the boot process has ended")

// Unanswered is ErrEnded of a boot process that has ended while it waited for an answer. It was killed, or Linux before
// 6.2 has discarded the report of the step that waits.
type Unanswered struct {
	Index int // in Steps: the step that waits
	Step  *nsenter.Step
}

func (u *Unanswered) Error() string { return nsenter.ErrEnded.Error() }

// Is makes it ErrEnded.
func (u *Unanswered) Is(target error) bool { return target == ErrEnded }

// unanswered returns the error about a boot process that has ended at the sync point of step i. The process that waits
// may be the one that the reporting process has cloned, so its step need not be the one that follows.
func (s *Session) unanswered(i int) *Unanswered {
	for k := i + 1; k < len(s.Steps); k++ {
		if s.Steps[k].Call == nsenter.Read && s.Steps[k].Min > 0 {
			return &Unanswered{k, &s.Steps[k]}
		}
	}
	return &Unanswered{i, &s.Steps[i]}
}

// Serve serves the boot process until it reaches the sync point last, which the caller answers, or, with plan.SyncNone,
// until it closes the channel: it has executed a program, or has died. Otherwise the error is ErrEnded, an *Unanswered,
// a *Failure, the error of a handler, a *Hang, or one about a report that the plan does not have; in the last two cases
// the boot process was killed.
func (s *Session) Serve(last plan.SyncPoint) error {
	var unanswered *Unanswered
	for {
		record, fd, err := s.next()
		switch {
		case errors.Is(err, io.EOF) && unanswered != nil:
			return unanswered
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
				s.Debug("sync point " + step.Sync.Point.String())
			}
			report := Report{Step: step, FD: fd}
			if plan.SyncPointOf(step).Passes() == plan.PassesPid {
				report.Pid = int(record.Value)
			}
			if plan.SyncPointOf(step) == last {
				return nil
			}
			if err := s.answer(report); errors.Is(err, nsenter.ErrEnded) {
				// The last report of the process follows, unless it was lost.
				unanswered = s.unanswered(record.Step)
			} else if err != nil {
				return err
			}
		}
	}
}

// answer serves a sync point.
func (s *Session) answer(r Report) error {
	point := plan.SyncPointOf(r.Step)
	handle := s.Handlers[point]
	if handle == nil {
		if r.FD >= 0 {
			_ = unix.Close(r.FD)
		}
		return s.refuse("waits at the sync point " + point.String() + ", which has no handler here")
	}
	if r.Pid > 0 && s.Traits&SamePrivileges != 0 {
		first := *s.Boot
		s.Boot.Pid = r.Pid
		failed := s.handle(handle, r)
		if err := s.awaitEnd(&first, r.Pid); err != nil {
			return err
		}
		return failed
	}
	if r.Pid > 0 {
		if err := s.awaitEnd(s.Boot, r.Pid); err != nil {
			return err
		}
		s.Boot.Pid = r.Pid
	}
	return s.handle(handle, r)
}

// handle calls the handler of a sync point, and releases the boot process if it waits.
func (s *Session) handle(handle Handler, r Report) error {
	if err := handle(r); err != nil {
		if failure, ok := s.failedMeanwhile(); ok {
			return failure
		}
		return err
	}
	if !plan.SyncPointOf(r.Step).Waits() {
		return nil
	}
	if reply := s.Reply; reply != nil {
		s.Reply = nil
		return s.Boot.Answer(reply)
	}
	return s.Boot.Release()
}

// failedMeanwhile looks for the report of a boot process that failed while a handler ran: then the handler failed
// because the process had ended, and that failure is the cause.
func (s *Session) failedMeanwhile() (*Failure, bool) {
	for {
		fds := []unix.PollFd{{Fd: int32(s.Boot.FD()), Events: unix.POLLIN}}
		if n, err := unix.Poll(fds, 0); err == unix.EINTR {
			continue
		} else if n <= 0 {
			return nil, false // the process still waits
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

// endLimit is how long a process may take to end after it has cloned its replacement. It has one more system call to
// make, but first it needs a processor: a hundred execs at once on two busy processors took longer than 10 seconds.
var endLimit = 2 * time.Minute

// awaitEnd waits for the end of a boot process that the process pid replaces. If it does not end in time, both are
// killed.
func (s *Session) awaitEnd(first *nsenter.Boot, pid int) error {
	_, err := first.WaitWithin(endLimit)
	if err == unix.ETIMEDOUT {
		s.Boot.Pid = first.Pid
		err = s.refuse("has cloned its replacement, and does not end")
		s.Boot.Pid = pid
		s.End()
		return err
	}
	if err != nil {
		return diag.Sys("the first boot process can't be waited for", "wait4", err)
	}
	return nil
}

// next returns the next report, if it is one that the plan can send now. Its Step is an index in Steps.
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

// check returns what is wrong with a report; "" if it can come now.
func (s *Session) check(r nsenter.Record, fd int) string {
	if r.Step < 0 || r.Step >= len(s.Steps) {
		return "the plan has no step with index " + strconv.Itoa(r.Step+s.First)
	}
	step := &s.Steps[r.Step]
	where := " of step " + strconv.Itoa(int(step.Number))
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

// refuse kills a boot process that deviates from its plan.
func (s *Session) refuse(problem string) error {
	s.End()
	return &diag.Error{
		Kind: diag.Kernel, Problem: "the boot process " + problem + "; it was killed",
		Hint: "something in the container, or a debugger, has interfered with it",
	}
}

// deathLimit is how long End waits for the end of a killed process. One that waits for a FUSE file system of a
// container does not die before that answers.
const deathLimit = 2 * time.Second

// End closes the channel, kills the boot process and waits for it. It may be called more than once.
func (s *Session) End() {
	s.Boot.Close()
	if s.Kill != nil {
		s.Kill()
		return
	}
	// It was not waited for, so the pid was not reused.
	if s.Boot.Pid > 0 && unix.Kill(s.Boot.Pid, unix.SIGKILL) == nil {
		_, _ = s.Boot.WaitWithin(deathLimit)
	}
	s.Boot.Pid = 0
}

// Status closes the channel and waits for the boot process, which has ended or is about to end.
func (s *Session) Status() (unix.WaitStatus, error) {
	s.Boot.Close()
	status, err := s.Boot.Wait()
	s.Boot.Pid = 0
	return status, err
}
