package libcontainer

import (
	"errors"
	"strconv"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/libcontainer/foreground"
	"rt/libcontainer/idmap"
	"rt/libcontainer/plan"
	"rt/libcontainer/supervise"
	"rt/nsenter"
	"rt/spec"
)

// handlers is what create and run do at the sync points of a plan.
func (m *maker) handlers() supervise.Handlers {
	return supervise.Handlers{
		plan.SyncMaps:            func(supervise.Report) error { return m.writeMaps(m.session.Boot.Pid) },
		plan.SyncBornUnmapped:    m.bornUnmapped,
		plan.SyncBorn:            m.born,
		plan.SyncAttach:          func(supervise.Report) error { return m.attach(m.pid) },
		plan.SyncNetDevices:      m.moveNetDevices,
		plan.SyncHooks:           func(supervise.Report) error { return m.runHostHooks() },
		plan.SyncCreateContainer: m.runCreateContainerHooks,
		plan.SyncStartContainer: func(supervise.Report) error {
			x := containedHook{r: m.r, container: m.container, state: &m.state, spec: m.spec, cgroup: m.cgroup,
				unfiltered: m.o.Observe != nil}
			return x.run()
		},
		plan.SyncConsole:  func(r supervise.Report) error { return m.console.Take(r.FD) },
		plan.SyncListener: func(r supervise.Report) error { return m.handListener(r.FD) },
		plan.SyncCopyFrom: func(r supervise.Report) error {
			m.copyFrom = r.FD
			return nil
		},
		plan.SyncCopyTo:   m.copyUp,
		plan.SyncMakeDir:  m.makePoint,
		plan.SyncMakeFile: m.makePoint,
		plan.SyncLink:     m.compareLink,
		plan.SyncHome:     m.answerHome,
		plan.SyncTrees:    func(supervise.Report) error { return m.handOverTrees() },
		plan.SyncDevice:   m.checkDevice,
	}
}

// supervise begins the supervision of a boot process that was started.
func (m *maker) supervise(boot *nsenter.Boot) {
	m.session = &supervise.Session{
		Boot: boot, Steps: m.plan.Steps, On: m.handlers(), Debug: m.r.Debug, Interrupted: foreground.Interrupted,
		Trace: tracer(m.plan, m.o.Trace, &m.pid),
	}
	m.undo.Push(m.session.End)
	if !m.plan.TwoStage || m.plan.BornLast {
		m.pid = boot.Pid
	}
}

// serve serves the boot process up to a sync point, or until it has become the user's program.
func (m *maker) serve(last plan.SyncPoint) error {
	if err := m.session.Serve(last); err != nil {
		return serveError(err, m.session, m.plan, m.spec, m.cgroup.OOMError)
	}
	if last == plan.SyncNone {
		return executed(m.session, m.pid, m.cgroup.OOMError)
	}
	return nil
}

// born takes note of the container's process, which another boot process has made.
func (m *maker) born(r supervise.Report) error {
	m.pid, m.state.StartTime = r.Pid, 0
	if m.options.CgroupAttach && !m.plan.BornLast {
		return m.attach(m.pid)
	}
	return nil
}

// writeMaps writes the id maps of process pid, in a user namespace that is new.
func (m *maker) writeMaps(pid int) error {
	return idmap.Write(pid, m.spec, &m.facts, m.options.SetgroupsDeny)
}

// bornUnmapped takes note of one in a new user namespace, whose ids rt maps.
func (m *maker) bornUnmapped(r supervise.Report) error {
	m.pid = r.Pid
	if err := m.writeMaps(m.pid); err != nil {
		return err
	}
	return m.born(r)
}

// serveError is what rt says of an error of Session.Serve. starved reports whether the cgroup was out of memory.
func serveError(err error, s *supervise.Session, p *plan.Plan, config *spec.Spec, starved func() error) error {
	if f, ok := errors.AsType[*supervise.Failure](err); ok {
		return stepFailure(&failedStep{
			Number: int(f.Step.Number), Call: f.Step.Call.String(), Origin: f.Step.Origin, Sentence: f.Step.Sentence, Text: p.Text(f.Index),
		}, f.Result, config)
	}
	if errors.Is(err, supervise.ErrEnded) {
		return bootDied(s, starved)
	}
	return err
}

// bootDied says what ended a boot process that had nothing to report.
func bootDied(s *supervise.Session, starved func() error) error {
	status, err := s.Status()
	if err != nil {
		return &diag.Error{Kind: diag.Kernel, Problem: "the boot process has ended before the container was created",
			Err: err}
	}
	return deathOf(status, starved)
}

// deathOf explains the end of a boot process.
func deathOf(status unix.WaitStatus, starved func() error) error {
	if !status.Signaled() {
		return &diag.Error{Kind: diag.Kernel, Problem: "the boot process has ended with status " +
			strconv.Itoa(status.ExitStatus())}
	}
	if status.Signal() == unix.SIGKILL {
		if err := starved(); err != nil {
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

// tracer hands on what steps report of themselves; nil if nobody wants to know. pid is the container's process, once it
// is there.
func tracer(p *plan.Plan, to func(TraceEvent), pid *int) func(*nsenter.Step, nsenter.Record) {
	if to == nil {
		return nil
	}
	return func(step *nsenter.Step, record nsenter.Record) {
		e := TraceEvent{Step: int(step.Number), Result: record.Value, Start: record.Start, End: record.End, Pid: *pid}
		plain := p.Plain()
		i := e.Step - 1
		s := &plain.Steps[i]
		e.Text, e.Sentence, e.Origin, e.Part = plain.Text(i), s.Sentence, s.Origin, plain.Part(i)
		to(e)
	}
}
