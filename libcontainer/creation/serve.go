package creation

import (
	"rt/internal/sys"
	"rt/internal/undo"
	"rt/libcontainer/caller"
	"rt/libcontainer/descriptor"
	"rt/libcontainer/failure"
	"rt/libcontainer/idmap"
	"rt/libcontainer/listener"
	"rt/libcontainer/netdevice"
	"rt/libcontainer/plan"
	"rt/libcontainer/rootfs"
	"rt/libcontainer/state"
	"rt/libcontainer/supervise"
	"rt/nsenter"
	"rt/seccomp"
)

// supervision is the session with the boot process, and the handlers of its sync points.
type supervision struct {
	session   *supervise.Session // nil until begin
	caller    *caller.Caller
	in        *compilation
	groups    *groups
	record    *record
	resources *resources
	hooks     *hooks
	undo      *undo.Stack
	recorder  *seccomp.Recorder // nil unless the container's system calls are recorded
}

// begin begins the supervision of a boot process that was started.
func (s *supervision) begin(boot *nsenter.Boot, image nsenter.Image, trace Tracer) {
	s.session = &supervise.Session{
		Boot: boot, Image: image, Steps: s.in.plan.Steps, Handlers: s.handlers(), Debug: s.caller.Debug,
		Interrupted: s.caller.Interrupted,
	}
	if trace != nil {
		s.session.Trace = trace(s.in.plan, &s.record.state.Pid)
	}
	s.undo.Push(s.session.End)
	s.resources.rootfs = rootfs.Serve(s.session, s.in.spec, s.in.options.Links, s.record.dir.Path("."))
	if !s.in.plan.TwoStage || s.in.plan.ClonedLast {
		s.record.state.Pid = boot.Pid
	}
}

// close closes the control channel.
func (s *supervision) close() {
	if s.session != nil { // a container that was restored never had one
		s.session.Boot.Close()
	}
}

// handlers returns the handlers of the sync points.
func (s *supervision) handlers() supervise.Handlers {
	return supervise.Handlers{
		plan.SyncMaps:            func(supervise.Report) error { return s.writeMaps(s.session.Boot.Pid) },
		plan.SyncClonedUnmapped:  s.recordUnmapped,
		plan.SyncCloned:          s.recordCloned,
		plan.SyncAttach:          func(supervise.Report) error { return s.groups.cgroup.Attach(s.record.state.Pid) },
		plan.SyncNetDevices:      s.moveNetDevices,
		plan.SyncHooks:           func(supervise.Report) error { return s.hooks.runOnHost() },
		plan.SyncCreateContainer: s.hooks.runCreateContainer,
		plan.SyncStartContainer: func(supervise.Report) error {
			return s.hooks.now().RunStartContainer(s.groups.cgroup, s.recorder != nil)
		},
		plan.SyncConsole:  func(r supervise.Report) error { return s.resources.console.Take(r.FD) },
		plan.SyncListener: func(r supervise.Report) error { return s.passListener(r.FD) },
		plan.SyncTrees:    s.passTrees,
	}
}

// serve serves the boot process up to a sync point, or until it has become the user's program.
func (s *supervision) serve(last plan.SyncPoint) error {
	if err := s.session.Serve(last); err != nil {
		return failure.Explain(err, s.session, s.in.plan, s.in.spec, s.groups.cgroup.OOMError)
	}
	if last == plan.SyncNone {
		return failure.Executed(s.session, s.record.state.Pid, s.groups.cgroup.OOMError)
	}
	return nil
}

// recordCloned records the container's process, which another boot process has cloned.
func (s *supervision) recordCloned(r supervise.Report) error {
	s.record.state.Pid, s.record.state.StartTime = r.Pid, 0
	if s.in.options.CgroupAttach && !s.in.plan.ClonedLast {
		return s.groups.cgroup.Attach(r.Pid)
	}
	return nil
}

// recordUnmapped is recordCloned for a process in a new user namespace, whose ids rt maps.
func (s *supervision) recordUnmapped(r supervise.Report) error {
	if err := s.writeMaps(r.Pid); err != nil {
		return err
	}
	return s.recordCloned(r)
}

// writeMaps writes the id maps of a process in a new user namespace.
func (s *supervision) writeMaps(pid int) error {
	return idmap.Write(pid, s.in.spec, &s.in.facts, s.in.options.SetgroupsDeny)
}

// moveNetDevices moves linux.netDevices into the container's network namespace.
func (s *supervision) moveNetDevices(supervise.Report) error {
	networks, err := netdevice.Open(s.record.state.Pid)
	if err != nil {
		return err
	}
	s.resources.networks = networks
	devices := s.in.spec.OCI.Linux.NetDevices
	return networks.Move(plan.NetDevices(s.in.spec), devices, s.undo, func(line string) { s.caller.Warn(line) })
}

// passListener passes the listener of the container's seccomp filter to its agent. With a recorder, rt itself answers
// the calls.
func (s *supervision) passListener(fd int) error {
	if s.recorder != nil {
		s.resources.observer = listener.Observe(fd, s.recorder)
		return nil
	}
	profile := s.in.spec.OCI.Linux.Seccomp
	text := state.AppendProcess(nil, &s.record.state, state.Created, s.record.state.Pid, profile.ListenerMetadata)
	return listener.Pass(fd, s.record.state.Pid, profile.ListenerPath, text)
}

// opener returns the Opener for the files of the plan.
func (s *supervision) opener() *descriptor.Opener {
	return &descriptor.Opener{Spec: s.in.spec, Facts: &s.in.facts, Cgroup: s.groups.cgroup, Dir: s.record.dir}
}

// passTrees opens the next batch of bind sources, and passes it to the boot process, which has attached the last one.
func (s *supervision) passTrees(supervise.Report) error {
	batch := s.in.plan.Later[0]
	s.in.plan.Later = s.in.plan.Later[1:]
	trees, err := s.opener().Open(batch)
	if err != nil {
		return err
	}
	defer sys.CloseAll(trees...)
	return s.session.Boot.Pass(trees)
}
