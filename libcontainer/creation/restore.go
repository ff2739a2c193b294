package creation

import (
	"rt/libcontainer/checkpoint"
)

// Restoration has CRIU make the processes of a container, instead of a boot process.
type Restoration struct {
	*Creation
	bundle  *checkpoint.Bundle
	restore *checkpoint.Restore
}

// Restoration reads what the images are restored with. It changes nothing.
func (c *Creation) Restoration(o *checkpoint.RestoreOptions) (*Restoration, error) {
	// Restored processes have their directory of the notify socket, but have long told that they are ready.
	c.in.options.Notify = ""
	r := &Restoration{Creation: c}
	r.bundle = &checkpoint.Bundle{
		Spec: c.in.spec, Cgroup: c.cgroup, Facts: &c.in.facts, Sources: c.in.options.Sources,
		Log: checkpoint.Log{Debug: c.caller.Log, Warn: c.caller.Warn},
		On: checkpoint.Handlers{
			Attach: c.cgroup.Attach, Hooks: r.runHooks, Terminal: c.aides.console.Take, Restored: r.recordRestored,
		},
	}
	var err error
	if r.restore, err = checkpoint.NewRestore(r.bundle, o); err != nil {
		return nil, err
	}
	return r, nil
}

// Close closes what is open of the images, and not the creation.
func (r *Restoration) Close() { r.restore.Close() }

// Restore makes the container and restores its processes. On an error nothing is left.
func (r *Restoration) Restore() error {
	if err := r.make(); err != nil {
		r.undo.Run()
		return err
	}
	return nil
}

func (r *Restoration) make() (err error) {
	if err := r.nameKeyring(); err != nil {
		return err
	}
	if err := r.record(); err != nil {
		return err
	}
	r.bundle.Dir = r.container
	if err := r.container.MakeNotify(); err != nil {
		return err
	}
	if err := r.makeGroups(); err != nil {
		return err
	}
	if err := r.cgroup.Limit(); err != nil {
		return err
	}
	if err := r.container.SaveConfig(r.in.spec.Raw); err != nil {
		return err
	}
	if r.state.Pid, err = r.restore.Run(); err != nil {
		r.state.Pid = 0
		return err
	}
	if err := r.finish(); err != nil {
		r.restore.End()
		r.state.Pid = 0
		return err
	}
	return nil
}

// finish records that the container is there, and lets it have no more processes than its limit of them says.
func (r *Restoration) finish() error {
	if err := r.created(); err != nil {
		return err
	}
	return r.cgroup.ForbidForks()
}

// runHooks runs the hooks whose effects end with the container: those of the runtime's namespaces, which set up
// networks. What createContainer and startContainer have done is in the images, and the program does not start.
func (r *Restoration) runHooks(pid int) error {
	if r.in.spec.OCI.Hooks == nil {
		return nil
	}
	r.state.Pid = pid
	defer func() { r.state.Pid = 0 }()
	return r.runHostHooks()
}

// recordRestored puts the container's first process into the class of linux.intelRdt, and records it for `rt delete
// --force`. The container is still in creation: a signal of `rt kill` while CRIU holds the processes would make CRIU
// wait forever.
func (r *Restoration) recordRestored(pid int) error {
	r.state.Pid = pid
	if err := r.rdt.Join(pid); err != nil {
		return err
	}
	if err := r.readStartTime(); err != nil {
		return err
	}
	return r.container.Save(&r.state)
}
