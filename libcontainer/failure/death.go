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

// Explain returns the error for the user of an error of Session.Serve. outOfMemory returns an error if a process in the
// container's cgroup was OOM-killed.
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
	died := EndError(s, outOfMemory)
	u, waited := errors.AsType[*supervise.Unanswered](err)
	if e, ok := errors.AsType[*diag.Error](died); ok && waited {
		e.Step, e.Text, e.Call = int(u.Step.Number), p.Text(u.Index), u.Step.Call.String()
	}
	return died
}

// EndError returns the error about a boot process that has ended without a report.
func EndError(s *supervise.Session, outOfMemory func() error) error {
	status, err := s.Status()
	if err != nil {
		return &diag.Error{
			Kind: diag.Kernel, Problem: "the boot process has ended before the container was created",
			Err: err,
		}
	}
	return deathError(status, outOfMemory)
}

// deathError returns the error about the end of a boot process with a wait status.
func deathError(status unix.WaitStatus, outOfMemory func() error) error {
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

// Executed returns an error if a boot process has died instead of executing the user's program: the control channel is
// closed in both cases. A process that is alive has executed it. The name of a zombie tells whether it has, because
// execve(2) changes the name.
func Executed(s *supervise.Session, pid int, outOfMemory func() error) error {
	var info unix.Siginfo
	err := unix.Waitid(unix.P_PID, pid, &info, unix.WEXITED|unix.WNOWAIT|unix.WNOHANG|unix.WALL, nil)
	if err == nil && info.Signo == 0 {
		return nil // a child that is alive
	}
	name, dead := process.Name(pid)
	if !dead || name != plan.BootName {
		return nil
	}
	if err != nil {
		// The process is the child of another rt, and only its parent learns the status. The cgroup tells whether it
		// was OOM-killed.
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
		return nil //nolint:nilerror // another thread has waited for it, and reports the error
	}
	return deathError(status, outOfMemory)
}

// signalText returns the number and name of a signal.
func signalText(s unix.Signal) string {
	name := unix.SignalName(s)
	if name == "" {
		return "signal " + strconv.Itoa(int(s))
	}
	return "signal " + strconv.Itoa(int(s)) + " (" + name + ")"
}
