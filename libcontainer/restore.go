package libcontainer

import (
	"context"

	"rt/libcontainer/checkpoint"
	"rt/libcontainer/engine"
	"rt/libcontainer/state"
)

// RestoreOptions are the options of Restore. Of CreateOptions it uses Bundle, ConsoleSocket, PidfdSocket and PidFile.
type RestoreOptions struct {
	RunOptions
	ImageOptions
	ParentPath      string // as for checkpoint
	LSMProfile      string // "TYPE:NAME": the label of the processes, instead of their dumped one
	LSMMountContext string // the context= of mounts, instead of their dumped one
}

// Restore makes a container of the files of [Runtime.Checkpoint]. ctx is looked at before CRIU starts, and in the
// foreground kills the program as in [Runtime.Run].
func (r *Runtime) Restore(ctx context.Context, id string, o *RestoreOptions) (Result, error) {
	c := r.call(ctx)
	if err := c.interrupted(); err != nil {
		return c.result(0), err
	}
	return c.ended(c.restore(id, o))
}

// Restore makes a container of images that Checkpoint has made, and in the foreground waits for its end as Run does,
// and returns its exit status.
func (r *call) restore(id string, o *RestoreOptions) (int, error) {
	if err := state.CheckID(id); err != nil {
		return 0, err
	}
	config, err := r.load(&o.CreateOptions)
	if err != nil {
		return 0, err
	}
	c, err := r.newCreation(id, config, &o.CreateOptions, false)
	if err != nil {
		return 0, err
	}
	defer c.close()
	if err := engine.CheckConsole(c.in.spec.Process, o.ConsoleSocket, o.Detach); err != nil {
		return 0, err
	}
	if o.NoPivot {
		r.warn("--no-pivot has no effect on restore: CRIU changes the root by itself")
	}
	// Restored processes have their directory of the notify socket, but have long told that they are ready.
	c.in.options.Notify = ""
	bundle := c.restoreBundle()
	restore, err := checkpoint.NewRestore(bundle, &checkpoint.RestoreOptions{
		ImageOptions: o.ImageOptions, ParentPath: o.ParentPath,
		LSMProfile: o.LSMProfile, LSMMountContext: o.LSMMountContext,
	})
	if err != nil {
		return 0, err
	}
	defer restore.Close()
	if err := c.in.nameKeyring(); err != nil {
		return 0, err
	}
	if err := r.prepareToAttend(&o.RunOptions, c.in.spec); err != nil {
		return 0, err
	}
	if o.Detach {
		defer r.catchEnd()()
	}
	if err := c.restore(bundle, restore); err != nil {
		c.undo.Run()
		return 0, err
	}
	if o.Detach {
		return 0, nil
	}
	return c.foreground(&o.RunOptions)
}

// restoreBundle returns what images are restored into. Its Dir is missing until the container is made.
func (c *creation) restoreBundle() *checkpoint.Bundle {
	return &checkpoint.Bundle{
		Spec: c.in.spec, Cgroup: c.cgroup, Facts: &c.in.facts, Sources: c.in.options.Sources,
		Log: checkpoint.Log{Debug: c.r.debug, Warn: c.r.warn},
		On: checkpoint.Handlers{
			Attach: c.cgroup.Attach, Hooks: c.runRestoreHooks,
			Terminal: c.aides.console.Take, Restored: c.recordRestored,
		},
	}
}

// restore makes the container and restores its processes. After an error the undo stack removes the rest of it.
func (c *creation) restore(bundle *checkpoint.Bundle, restore *checkpoint.Restore) (err error) {
	if err := c.record(); err != nil {
		return err
	}
	bundle.Dir = c.container
	if err := c.container.MakeNotify(); err != nil {
		return err
	}
	if err := c.makeGroups(); err != nil {
		return err
	}
	if err := c.cgroup.Limit(); err != nil {
		return err
	}
	if err := c.container.SaveConfig(c.in.spec.Raw); err != nil {
		return err
	}
	if c.state.Pid, err = restore.Run(); err != nil {
		c.state.Pid = 0
		return err
	}
	err = c.created()
	if err == nil {
		err = c.cgroup.ForbidForks()
	}
	if err != nil {
		restore.End()
		c.state.Pid = 0
	}
	return err
}

// runRestoreHooks runs the hooks whose effects end with the container: those of the runtime's namespaces, which set up
// networks. What createContainer and startContainer have done is in the images, and the program does not start.
func (c *creation) runRestoreHooks(pid int) error {
	if c.in.spec.OCI.Hooks == nil {
		return nil
	}
	c.state.Pid = pid
	defer func() { c.state.Pid = 0 }()
	return c.runHostHooks()
}

// recordRestored puts the container's first process into the class of linux.intelRdt, and records it for `rt delete
// --force`. The container is still in creation: a signal of `rt kill` while CRIU holds the processes would make CRIU
// wait for ever.
func (c *creation) recordRestored(pid int) error {
	c.state.Pid = pid
	if err := c.rdt.Join(pid); err != nil {
		return err
	}
	if err := c.readStartTime(); err != nil {
		return err
	}
	return c.container.Save(&c.state)
}
