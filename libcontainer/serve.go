package libcontainer

import (
	"rt/libcontainer/failure"
	"rt/libcontainer/idmap"
	"rt/libcontainer/plan"
	"rt/libcontainer/rootfs"
	"rt/libcontainer/supervise"
	"rt/nsenter"
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
		plan.SyncTrees:    func(supervise.Report) error { return m.handOverTrees() },
	}
}

// supervise begins the supervision of a boot process that was started.
func (m *maker) supervise(boot *nsenter.Boot) {
	m.session = &supervise.Session{
		Boot: boot, Steps: m.plan.Steps, On: m.handlers(), Debug: m.r.Debug, Interrupted: m.r.interrupted,
		Trace: tracer(m.plan, m.o.Trace, &m.pid),
	}
	m.undo.Push(m.session.End)
	m.rootfs = rootfs.Serve(m.session, m.spec, m.options.Links, m.container.Path("."))
	if !m.plan.TwoStage || m.plan.BornLast {
		m.pid = boot.Pid
	}
}

// serve serves the boot process up to a sync point, or until it has become the user's program.
func (m *maker) serve(last plan.SyncPoint) error {
	if err := m.session.Serve(last); err != nil {
		return failure.Of(err, m.session, m.plan, m.spec, m.cgroup.OOMError)
	}
	if last == plan.SyncNone {
		return failure.Executed(m.session, m.pid, m.cgroup.OOMError)
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
