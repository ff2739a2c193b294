package creation

import (
	"rt/internal/diag"
	"rt/libcontainer/checkpoint"
	"rt/libcontainer/plan"
)

// Restoration creates a container with the processes that CRIU restores, instead of a boot process.
type Restoration struct {
	creation *Creation
	bundle   *checkpoint.Bundle
	restore  *checkpoint.Restore
}

// Restoration checks the options and the images. It changes nothing.
func (c *Creation) Restoration(o *checkpoint.RestoreOptions) (*Restoration, error) {
	// Restored processes have sent READY=1 before the checkpoint.
	c.in.options.Notify = ""
	if err := c.checkNodes(); err != nil {
		return nil, err
	}
	r := &Restoration{creation: c}
	r.bundle = &checkpoint.Bundle{
		Spec: c.in.spec, Cgroup: c.groups.cgroup, Facts: &c.in.facts, Sources: c.in.options.Sources,
		Log: checkpoint.Log{Debug: c.caller.Log, Warn: c.caller.Warn},
		Handlers: checkpoint.Handlers{
			Attach: c.groups.cgroup.Attach, Hooks: r.runHooks, Terminal: c.resources.console.Take,
			Restored: r.recordRestored,
		},
	}
	var err error
	if r.restore, err = checkpoint.NewRestore(r.bundle, o); err != nil {
		return nil, err
	}
	return r, nil
}

// checkNodes returns an error if the config has a device that rt made for the container, because the host has not the
// device at this path: decision 61. CRIU can only bind what the host has there, which it opens as the root of the user
// namespace, who can't enter the state directory. If the host's node has another mode or owner it warns.
func (c *Creation) checkNodes() error {
	in := &c.in
	if len(in.options.Nodes) == 0 {
		return nil
	}
	p, err := plan.Compile(in.spec, &in.facts, &in.options)
	if err != nil {
		return locate(in.spec, err)
	}
	for i := range p.Files {
		f := &p.Files[i]
		if f.Kind != plan.FileDevice {
			continue
		}
		e := &diag.Error{Kind: diag.Host, Value: f.Path}
		if f.Origin != "" { // one of the default devices has none
			e.Field = f.Origin + ".path"
		}
		if in.options.Nodes[f.Path] == plan.NodeAbsent {
			e.Problem = "the host has no such device at this path: a restore binds the host's, and can't make it"
			e.Hint = "create the node on the host first, with the mode and the owner that the container needs"
			return e
		}
		e.Problem = "has another mode or owner on the host, which the restored container gets"
		in.caller.Warn(e.Error())
	}
	return nil
}

// Close closes the images, but not the Creation.
func (r *Restoration) Close() { r.restore.Close() }

// Restore creates the container and restores its processes. On an error it undoes its changes.
func (r *Restoration) Restore() error {
	if err := r.execute(); err != nil {
		r.creation.undo.Run()
		return err
	}
	return nil
}

// execute is like Creation.execute, with CRIU instead of a boot process.
func (r *Restoration) execute() error {
	c := r.creation
	if err := c.in.nameKeyring(); err != nil {
		return err
	}
	if err := c.makeRecord(); err != nil {
		return err
	}
	r.bundle.Dir = c.record.dir
	if err := c.record.dir.MakeNotify(); err != nil {
		return err
	}
	if err := c.makeGroups(); err != nil {
		return err
	}
	if err := c.groups.cgroup.Limit(); err != nil {
		return err
	}
	if err := c.record.dir.SaveConfig(c.in.spec.Raw); err != nil {
		return err
	}
	pid, err := r.restore.Run()
	if err != nil {
		c.record.state.Pid = 0
		return err
	}
	c.record.state.Pid = pid
	if err := r.finish(); err != nil {
		r.restore.End()
		c.record.state.Pid = 0
		return err
	}
	return nil
}

// finish records that the container is created, and then forbids further forks: a restore needs one more process.
func (r *Restoration) finish() error {
	if err := r.creation.recordCreated(); err != nil {
		return err
	}
	return r.creation.groups.cgroup.ForbidForks()
}

// runHooks runs prestart and createRuntime, which set up networks: their effects have ended with the dumped container.
// The effects of createContainer and startContainer are in the images.
func (r *Restoration) runHooks(pid int) error {
	c := r.creation
	if c.in.spec.OCI.Hooks == nil {
		return nil
	}
	c.record.state.Pid = pid
	defer func() { c.record.state.Pid = 0 }()
	return c.hooks.runOnHost()
}

// recordRestored adds the init to the class of linux.intelRdt, and records it for `rt delete --force`. The status
// remains creating, so that `rt kill` fails: a signal while CRIU traces the processes would make CRIU wait forever.
func (r *Restoration) recordRestored(pid int) error {
	c := r.creation
	c.record.state.Pid = pid
	if err := c.groups.rdt.Join(pid); err != nil {
		return err
	}
	if err := c.record.readStartTime(); err != nil {
		return err
	}
	return c.record.save()
}
