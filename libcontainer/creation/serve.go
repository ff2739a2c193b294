package creation

import (
	"golang.org/x/sys/unix"

	"rt/internal/sys"
	"rt/libcontainer/descriptor"
	"rt/libcontainer/engine"
	"rt/libcontainer/failure"
	"rt/libcontainer/hook"
	"rt/libcontainer/idmap"
	"rt/libcontainer/listener"
	"rt/libcontainer/netdevice"
	"rt/libcontainer/notify"
	"rt/libcontainer/overlay"
	"rt/libcontainer/plan"
	"rt/libcontainer/rootfs"
	"rt/libcontainer/state"
	"rt/libcontainer/stdio"
	"rt/libcontainer/supervise"
	"rt/nsenter"
)

// aides are what works for a container next to its boot process. Each may be nil.
type aides struct {
	streams  stdio.Streams
	console  engine.Console
	rootfs   *rootfs.Server
	networks *netdevice.Namespaces // once linux.netDevices were moved
	relay    *notify.Relay         // of sd_notify(3)
	overlay  *overlay.Dir          // of --overlay
	observer *listener.Observer    // answers the calls of a container whose calls are recorded
}

func (a *aides) close() {
	if a.observer != nil {
		a.observer.Finish()
	}
	a.relay.Close()
	a.console.Close()
	a.streams.Close()
	a.rootfs.Close()
	a.networks.Close()
	if a.overlay != nil {
		a.overlay.Close()
	}
}

// supervise begins the supervision of a boot process that was started.
func (c *Creation) supervise(boot *nsenter.Boot, image nsenter.Image) {
	c.session = &supervise.Session{
		Boot: boot, Image: image, Steps: c.in.plan.Steps, On: c.handlers(), Debug: c.caller.Debug,
		Interrupted: c.caller.Interrupted,
	}
	if c.request.Trace != nil {
		c.session.Trace = c.request.Trace(c.in.plan, &c.state.Pid)
	}
	c.undo.Push(c.session.End)
	c.aides.rootfs = rootfs.Serve(c.session, c.in.spec, c.in.options.Links, c.container.Path("."))
	if !c.in.plan.TwoStage || c.in.plan.BornLast {
		c.state.Pid = boot.Pid
	}
}

// handlers are the handlers of the sync points that create and run have in common.
func (c *Creation) handlers() supervise.Handlers {
	return supervise.Handlers{
		plan.SyncMaps:            func(supervise.Report) error { return c.writeMaps(c.session.Boot.Pid) },
		plan.SyncClonedUnmapped:  c.clonedUnmapped,
		plan.SyncCloned:          c.cloned,
		plan.SyncAttach:          func(supervise.Report) error { return c.cgroup.Attach(c.state.Pid) },
		plan.SyncNetDevices:      c.moveNetDevices,
		plan.SyncHooks:           func(supervise.Report) error { return c.runHostHooks() },
		plan.SyncCreateContainer: c.runCreateContainerHooks,
		plan.SyncStartContainer: func(supervise.Report) error {
			return c.hooks().StartContainer(c.cgroup, c.request.Recorder != nil)
		},
		plan.SyncConsole:  func(r supervise.Report) error { return c.aides.console.Take(r.FD) },
		plan.SyncListener: func(r supervise.Report) error { return c.passListener(r.FD) },
		plan.SyncTrees:    c.passTrees,
	}
}

// serve serves the boot process up to a sync point, or until it has become the user's program.
func (c *Creation) serve(last plan.SyncPoint) error {
	if err := c.session.Serve(last); err != nil {
		return failure.Of(err, c.session, c.in.plan, c.in.spec, c.cgroup.OOMError)
	}
	if last == plan.SyncNone {
		return failure.Executed(c.session, c.state.Pid, c.cgroup.OOMError)
	}
	return nil
}

// cloned records the container's process, which another boot process has cloned.
func (c *Creation) cloned(r supervise.Report) error {
	c.state.Pid, c.state.StartTime = r.Pid, 0
	if c.in.options.CgroupAttach && !c.in.plan.BornLast {
		return c.cgroup.Attach(r.Pid)
	}
	return nil
}

// clonedUnmapped is cloned for a process in a new user namespace, whose ids rt maps.
func (c *Creation) clonedUnmapped(r supervise.Report) error {
	if err := c.writeMaps(r.Pid); err != nil {
		return err
	}
	return c.cloned(r)
}

// writeMaps writes the id maps of a process in a new user namespace.
func (c *Creation) writeMaps(pid int) error {
	return idmap.Write(pid, c.in.spec, &c.in.facts, c.in.options.SetgroupsDeny)
}

// moveNetDevices moves linux.netDevices into the container's network namespace.
func (c *Creation) moveNetDevices(supervise.Report) error {
	networks, err := netdevice.Open(c.state.Pid)
	if err != nil {
		return err
	}
	c.aides.networks = networks
	devices := c.in.spec.OCI.Linux.NetDevices
	return networks.Move(plan.NetDevices(c.in.spec), devices, &c.undo, func(line string) { c.caller.Warn(line) })
}

// passListener passes the listener of the container's seccomp filter to its agent, or has rt itself answer the calls.
func (c *Creation) passListener(fd int) error {
	if c.request.Recorder != nil {
		c.aides.observer = listener.Observe(fd, c.request.Recorder)
		return nil
	}
	profile := c.in.spec.OCI.Linux.Seccomp
	text := state.AppendProcess(nil, &c.state, state.Created, c.state.Pid, profile.ListenerMetadata)
	return listener.Pass(fd, c.state.Pid, profile.ListenerPath, text)
}

// opener opens what the plan has rt open.
func (c *Creation) opener() *descriptor.Opener {
	return &descriptor.Opener{Spec: c.in.spec, Facts: &c.in.facts, Cgroup: c.cgroup, Dir: c.container}
}

// passTrees opens the next batch of bind sources, and passes it to the boot process, which has used up the last
// one.
func (c *Creation) passTrees(supervise.Report) error {
	batch := c.in.plan.Later[0]
	c.in.plan.Later = c.in.plan.Later[1:]
	trees, err := c.opener().Open(batch)
	if err != nil {
		return err
	}
	defer sys.CloseAll(trees...)
	return c.session.Boot.Pass(trees)
}

// hooks are the hooks of the container.
func (c *Creation) hooks() *hook.Hooks {
	return &hook.Hooks{
		Spec: c.in.spec, State: &c.state, Dir: c.container, Caller: c.caller, Resctrl: c.settings.Resctrl,
	}
}

// runHostHooks runs prestart and createRuntime. From then on a failure runs poststop.
func (c *Creation) runHostHooks() error {
	c.poststop.Run = c.hooks().Poststop
	return c.hooks().Runtime()
}

// runCreateContainerHooks runs createContainer.
func (c *Creation) runCreateContainerHooks(r supervise.Report) error {
	defer func() { _ = unix.Close(r.FD) }()
	c.poststop.Run = c.hooks().Poststop
	return c.hooks().CreateContainer(r.FD)
}
