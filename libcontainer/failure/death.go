package failure

import (
	"errors"
	"strconv"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/libcontainer/plan"
	"rt/libcontainer/process"
	"rt/libcontainer/supervise"
	"rt/spec"
)

// Of returns the error for the user of an error of Session.Serve. outOfMemory returns an error if the container's
// cgroup has run out of memory.
func Explain(err error, s *supervise.Session, p *plan.Plan, config *spec.Spec, outOfMemory func() error) error {
	if f, ok := errors.AsType[*supervise.Failure](err); ok {
		return Step(f, p.Text(f.Index), config)
	}
	if h, ok := errors.AsType[*supervise.Hang](err); ok {
		text := ""
		if h.Step != nil {
			text = p.Text(h.Index)
		}
		return Hang(h, text, config)
	}
	if !errors.Is(err, supervise.ErrEnded) {
		return err
	}
	death := Died(s, outOfMemory)
	u, waited := errors.AsType[*supervise.Unanswered](err)
	if e, ok := errors.AsType[*diag.Error](death); ok && waited {
		e.Step, e.Text, e.Call = int(u.Step.Number), p.Text(u.Index), u.Step.Call.String()
	}
	return death
}

// Died returns the error about a boot process that has ended without a report.
func Died(s *supervise.Session, outOfMemory func() error) error {
	status, err := s.Status()
	if err != nil {
		return &diag.Error{
			Kind: diag.Kernel, Problem: "the boot process has ended before the container was created",
			Err: err,
		}
	}
	return death(status, outOfMemory)
}

// death returns the error about the end of a boot process with a wait status.
func death(status unix.WaitStatus, outOfMemory func() error) error {
	if !status.Signaled() {
		return &diag.Error{Kind: diag.Kernel, Problem: "the boot process has ended with status " +
			strconv.Itoa(status.ExitStatus())}
	}
	if status.Signal() == unix.SIGKILL {
		if err := outOfMemory(); err != nil {
			return err
		}
	}
	e := &diag.Error{Kind: diag.Kernel, Problem: "the boot process was killed by " + signalText(status.Signal())}
	if status.Signal() == unix.SIGSYS {
		e.Field = "linux.seccomp"
		e.Hint = "the profile kills a call that is made after it is loaded: " +
			"without noNewPrivileges it must allow capset, prctl and execve"
	}
	return e
}

// Executed returns an error if a boot process has died instead of executing the user's program: both close the control
// channel. A process that is alive has executed. A zombie still has the name that execve(2) would have changed.
func Executed(s *supervise.Session, pid int, outOfMemory func() error) error {
	var info unix.Siginfo
	err := unix.Waitid(unix.P_PID, pid, &info, unix.WEXITED|unix.WNOWAIT|unix.WNOHANG|unix.WALL, nil)
	if err == nil && info.Signo == 0 {
		return nil // our child, and alive
	}
	name, dead := process.Name(pid)
	if !dead || name != plan.BootName {
		return nil
	}
	if err != nil {
		// Created by another rt, and so not our child: only its parent can tell what it died of. But its cgroup tells
		// whether it was memory.
		if err := outOfMemory(); err != nil {
			return err
		}
		return &diag.Error{
			Kind: diag.Kernel, Field: "process.args[0]",
			Problem: "the boot process was killed before it could execute the program",
			Hint: "the seccomp profile may kill a call that is made after it is loaded, " +
				"or the memory limit be too low",
		}
	}
	status, err := s.Status()
	if err != nil {
		return nil //nolint:nilerror // someone else was faster; then it is not for us to tell
	}
	return death(status, outOfMemory)
}

func signalText(s unix.Signal) string {
	name := unix.SignalName(s)
	if name == "" {
		return "signal " + strconv.Itoa(int(s))
	}
	return "signal " + strconv.Itoa(int(s)) + " (" + name + ")"
}
