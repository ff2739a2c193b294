package creation

import (
	"slices"
	"strconv"

	"rt/internal/diag"
	"rt/internal/sys"
	"rt/libcontainer/engine"
	"rt/libcontainer/host"
	"rt/libcontainer/overlay"
	"rt/libcontainer/plan"
	"rt/libcontainer/state"
	"rt/libcontainer/supervise"
	"rt/nsenter"
)

// execute executes the plan. Each change pushes its reversal on the undo stack.
func (c *Creation) execute() error {
	if err := c.makeRecord(); err != nil {
		return err
	}
	if err := c.start(); err != nil {
		return err
	}
	if err := c.workMeanwhile(); err != nil {
		return err
	}
	if err := c.boot.serve(plan.SyncReady); err != nil {
		return err
	}
	if err := c.groups.cgroup.ForbidForks(); err != nil {
		return err
	}
	if err := c.groups.rdt.Join(c.record.state.Pid); err != nil {
		return err
	}
	return c.recordCreated()
}

// makeRecord creates the container's directory and its state. From then on the container exists, and `rt delete
// --force` removes all later changes.
func (c *Creation) makeRecord() (err error) {
	config, options := c.in.spec, &c.in.options
	if c.groups.rdt, err = findRdt(options.ID, config, c.settings.Resctrl); err != nil {
		return err
	}
	if err := c.record.openRoot(c.settings); err != nil {
		return err
	}
	if l := options.Layer; l != nil && l.Dir != "" {
		if c.resources.overlay, err = overlay.Take(l.Dir, c.request.Inspect.Layer.Overlay); err != nil {
			return err
		}
		c.undo.Push(c.resources.overlay.Undo)
	}
	if err := c.record.makeDir(options.ID); err != nil {
		return err
	}
	c.undo.Push(c.removeRecord)
	if options.Notify != "" {
		if err := c.record.dir.MakeNotify(); err != nil {
			return err
		}
		if !options.Wait {
			if c.resources.relay, err = NewRelay(c.caller, c.record.dir); err != nil {
				return err
			}
		}
	}
	return c.record.begin(&c.in, &c.groups)
}

// removeRecord removes the container's directory, unless its cgroup is left: `rt delete --force` needs the directory to
// find that.
func (c *Creation) removeRecord() {
	if c.groups.left {
		c.caller.Warn("`rt delete --force " + c.record.state.ID +
			"` removes what is left of the container, once its processes have ended")
		return
	}
	if err := c.record.dir.Remove(); err != nil {
		c.caller.Warn(err.Error())
	}
}

// makeGroups creates the cgroup and the class of linux.intelRdt.
func (c *Creation) makeGroups() error {
	// The poststop hooks run when nothing of the container is left but its record.
	c.hooks.poststop = c.undo.Push(nil)
	if err := c.groups.cgroup.Create(); err != nil {
		return err
	}
	c.undo.Push(func() { c.groups.removeCgroup(c.caller) })
	s := c.settings
	if !c.groups.cgroup.Available() && !s.SystemdCgroup && !s.NoCgroup && !s.rootless(&c.in.facts) {
		c.caller.Warn("the container has no cgroup of its own: none can be created in " + plan.HostCgroup2 +
			", and the config requires none; so it has no device rules and no statistics")
	}
	class := c.groups.rdt
	if class == nil {
		return nil
	}
	// The state names the class already, for the case that rt is killed now.
	if err := class.Create(); err != nil {
		// A class that another rt has created meanwhile must not be removed with this container.
		c.record.state.IntelRdt = state.IntelRdt(class.Created)
		return err
	}
	c.undo.Push(class.Undo)
	return nil
}

// start creates the cgroup and starts the boot process.
func (c *Creation) start() error {
	if err := c.makeGroups(); err != nil {
		return err
	}
	group := c.groups.cgroup
	if h := group.Hierarchies(); len(h) != len(c.in.facts.Hierarchies) {
		// An rt without root's privileges may have found only now that it can't create all cgroups. The plan must not
		// use those that are missing.
		c.in.facts.Hierarchies = h
		warned := len(c.caller.Warnings)
		if err := c.in.compile(group); err != nil {
			return err
		}
		c.caller.Warnings = c.caller.Warnings[:warned] // the first compilation has given the same ones
	}
	image, err := nsenter.Assemble(&c.in.plan.Program)
	if err != nil {
		return &diag.Error{Kind: diag.Document, Problem: "no boot image can be created from the config", Err: err}
	}
	files, err := c.boot.opener().Open(c.in.plan.Files)
	if err != nil {
		return err
	}
	defer sys.CloseAll(files...)
	o := nsenter.SpawnOptions{
		Argv: []string{plan.BootName, c.in.options.ID}, Dir: c.record.dir.Path("."),
		Files:      c.resources.streams.Files(files),
		CloneFlags: c.in.plan.CloneFlags, CgroupFD: -1,
	}
	if c.in.plan.IntoCgroup {
		if o.CgroupFD, err = group.OpenDir(); err != nil {
			return err
		}
	}
	if !c.limitMeanwhile() {
		if err := group.Limit(); err != nil {
			return err
		}
	}
	boot, err := nsenter.Spawn(image, &o)
	if err != nil {
		return c.in.spawnError(err)
	}
	c.caller.Log("started the boot process " + strconv.Itoa(boot.Pid))
	c.boot.begin(boot, image, c.request.Trace)
	return nil
}

// workMeanwhile does the work of rt that the boot process need not wait for. On another processor it costs no time.
func (c *Creation) workMeanwhile() error {
	if c.limitMeanwhile() {
		if err := c.groups.cgroup.Limit(); err != nil {
			return err
		}
	}
	if err := c.record.dir.SaveConfig(c.in.spec.Raw); err != nil {
		return err
	}
	if c.record.state.Pid > 0 {
		return c.record.readStartTime()
	}
	return nil
}

// limitMeanwhile reports whether rt can set the limits while the boot process works in the cgroup. With v1 hierarchies
// it can't: the device rules of v1 are written one by one, and the first denies everything.
func (c *Creation) limitMeanwhile() bool {
	return c.in.plan.IntoCgroup && c.in.facts.CgroupMode == host.CgroupV2
}

// recordCreated records that the container is created, and sends the pid to the engine.
func (c *Creation) recordCreated() error {
	r := &c.record
	if r.state.StartTime == 0 {
		if err := r.readStartTime(); err != nil {
			return err
		}
	}
	r.state.Phase = state.Created
	c.caller.Pid = r.state.Pid
	// Without root's privileges rt may have found only now that it can't create the cgroup.
	r.state.Cgroup = state.Cgroup(c.groups.cgroup.Saved())
	if c.in.options.Wait {
		steps := c.in.plan.Steps
		ready := slices.IndexFunc(steps, func(s nsenter.Step) bool { return plan.SyncPointOf(&s) == plan.SyncReady })
		if err := r.dir.SaveSteps(supervise.FormatSteps(steps, ready+1)); err != nil {
			return err
		}
	}
	if err := r.save(); err != nil {
		return err
	}
	if d := c.resources.overlay; d != nil {
		if err := d.Record(r.state.ID, r.state.Pid, r.state.StartTime); err != nil {
			return err
		}
	}
	socket := c.request.PidfdSocket
	if socket == "" {
		socket = c.in.spec.OCI.Annotations[plan.PidfdAnnotation]
	}
	return engine.SendPid(r.state.Pid, socket, c.request.PidFile)
}
