package libcontainer

import (
	"errors"
	"io"
	"strconv"

	"golang.org/x/sys/unix"

	"rt/libcontainer/diag"
	"rt/libcontainer/plan"
	"rt/nsenter"
)

// serve answers the boot process until it reaches the sync point of name last, whose answer is left to the caller, or, with an empty name,
// until it has become the user's program.
func (m *maker) serve(last string) error {
	for {
		record, fd, err := m.boot.Next()
		switch {
		case errors.Is(err, io.EOF):
			if last == "" {
				return m.executed()
			}
			return m.bootDied()
		case err != nil:
			return err
		}
		step := &m.plan.Steps[record.Step]
		switch record.Kind {
		case nsenter.Failed:
			return m.stepError(step, record)
		case nsenter.Trace:
			m.trace(step, record)
		case nsenter.Sync:
			m.r.debug("sync point " + step.Sync)
			if step.Sync == last {
				return nil
			}
			if err := m.answer(step.Sync, record, fd); err != nil {
				if record, ok := m.failedMeanwhile(); ok {
					return m.stepError(&m.plan.Steps[record.Step], record)
				}
				return err
			}
		}
	}
}

// failedMeanwhile looks for the report of a boot process that failed while rt was at work for it: what rt could not do then, for lack of a process, is not
// what went wrong.
func (m *maker) failedMeanwhile() (nsenter.Record, bool) {
	fds := []unix.PollFd{{Fd: int32(m.boot.FD()), Events: unix.POLLIN}}
	for {
		if n, err := unix.Poll(fds, 0); n <= 0 && err != unix.EINTR {
			return nsenter.Record{}, false // it still waits
		}
		record, _, err := m.boot.Next()
		if err != nil || record.Kind == nsenter.Failed {
			return record, err == nil
		}
	}
}

// answer does what the plan has rt do at a sync point, and lets the boot process go on.
func (m *maker) answer(name string, record nsenter.Record, fd int) error {
	switch name {
	case plan.SyncMaps, plan.SyncBorn:
		if err := m.born(int(record.Value)); err != nil {
			return err
		}
		if name == plan.SyncMaps {
			if err := m.writeMaps(); err != nil {
				return err
			}
		}
		if m.options.CgroupAttach {
			if err := m.attach(m.pid); err != nil {
				return err
			}
		}
	case plan.SyncAttach:
		if err := m.attach(m.pid); err != nil {
			return err
		}
	case plan.SyncNetDevices:
		if err := m.moveNetDevices(); err != nil {
			return err
		}
	case plan.SyncHooks:
		if err := m.runCreateHooks(); err != nil {
			return err
		}
	case plan.SyncStartContainer:
		if err := m.runStartContainerHooks(); err != nil {
			return err
		}
	case plan.SyncConsole:
		return m.takeConsole(fd) // the boot process does not wait
	case plan.SyncListener:
		if err := m.handListener(fd); err != nil {
			return err
		}
	case plan.SyncCopyFrom:
		m.copyFrom = fd
		return nil // nor does it here: more is to come
	case plan.SyncCopyTo:
		if err := m.copyUp(&m.plan.Steps[record.Step], fd); err != nil {
			return err
		}
	}
	return m.boot.Release()
}

// born takes note of the process that a process of ours has made for us and in place of itself.
func (m *maker) born(pid int) error {
	before := m.pid
	if before == 0 {
		before = m.boot.Pid
	}
	m.pid = pid
	if _, err := waitPid(before); err != nil {
		return diag.Sys("wait for the first boot process", "wait4", err)
	}
	// It is gone; what is to be killed and waited for from now on is the new one.
	m.boot.Pid = pid
	return nil
}

// bootDied says what ended a boot process that had nothing to report.
func (m *maker) bootDied() error {
	status, err := waitPid(m.boot.Pid)
	m.boot.Close()
	m.boot.Pid, m.pid = 0, 0
	if err != nil {
		return &diag.Error{Kind: diag.Kernel, Problem: "the boot process has ended before the container was created", Err: err}
	}
	return m.deathOf(status)
}

// deathOf explains the end of a boot process.
func (m *maker) deathOf(status unix.WaitStatus) error {
	if !status.Signaled() {
		return &diag.Error{Kind: diag.Kernel, Problem: "the boot process has ended with status " + strconv.Itoa(status.ExitStatus())}
	}
	if m.cgroup != nil && status.Signal() == unix.SIGKILL {
		if err := m.cgroup.Starved(); err != nil {
			return err
		}
	}
	e := &diag.Error{Kind: diag.Kernel, Problem: "the boot process was killed by " + signalText(status.Signal())}
	if status.Signal() == unix.SIGSYS {
		e.Field = "linux.seccomp"
		e.Hint = "the profile kills a call that is made after it is loaded: without noNewPrivileges it must allow capset, prctl and execve"
	}
	return e
}

// trace hands on what a step reports of itself.
func (m *maker) trace(step *nsenter.Step, record nsenter.Record) {
	if m.o.Trace == nil {
		return
	}
	e := TraceEvent{Step: step.Number, Result: record.Value, Start: record.Start, End: record.End, Pid: m.pid}
	plain := m.plan.Plain()
	s := &plain.Steps[step.Number-1]
	e.Text, e.Sentence, e.Origin, e.Part = plain.Text(step.Number-1), s.Sentence, s.Origin, s.Part
	m.o.Trace(e)
}

// stepError makes an error of the report of a failed step.
func (m *maker) stepError(step *nsenter.Step, record nsenter.Record) error {
	return stepFailure(&failedStep{
		Number: step.Number, Call: step.Call.String(), Origin: step.Origin, Sentence: step.Sentence, Text: m.plan.Text(record.Step),
	}, record.Value, m.spec)
}
