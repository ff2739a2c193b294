package libcontainer

import (
	"context"

	"golang.org/x/sys/unix"

	"rt/libcontainer/cgroup"
	"rt/libcontainer/checkpoint"
	"rt/libcontainer/process"
	"rt/libcontainer/state"
)

// Checkpoint dumps the processes of a container to files, with CRIU, from which [Runtime.Restore] makes a container
// again. Afterwards the container is deleted, unless the options say otherwise. ctx is looked at before CRIU starts.
func (r *Runtime) Checkpoint(ctx context.Context, id string, o *CheckpointOptions) (Result, error) {
	c := r.call(ctx)
	err := c.interrupted()
	if err == nil {
		err = c.checkpoint(id, o)
	}
	return c.result(0), err
}

// ImageOptions are the options that Checkpoint and Restore have in common.
type ImageOptions = checkpoint.ImageOptions

// CheckpointOptions are the options of Checkpoint.
type CheckpointOptions = checkpoint.Options

// DefaultImages is the directory of the images without ImageOptions.ImagePath, in the working directory.
const DefaultImages = checkpoint.DefaultImages

// Checkpoint dumps the processes of a container to files, from which Restore makes a container again. Afterwards the
// container is deleted, unless the options say otherwise; after an error it goes on.
func (r *call) checkpoint(id string, o *CheckpointOptions) error {
	c, err := r.openFor(state.Checkpoint, id, true)
	if err != nil {
		return err
	}
	defer c.close()
	config, err := loadCopy(c.container, c.state)
	if err != nil {
		return err
	}
	group, err := cgroup.Load(cgroup.Saved(c.state.Cgroup))
	if err != nil {
		return err
	}
	target := checkpoint.Target{
		Spec: config, Dir: c.container, State: c.state, Status: c.status, Cgroup: group,
		Log: checkpoint.Log{Debug: r.debug, Warn: r.warn},
	}
	defer r.catchEnd()()
	if err := checkpoint.Save(&target, o); err != nil {
		return err
	}
	if o.LeaveRunning || o.PreDump {
		return nil
	}
	// CRIU has killed all processes. The rest is deleted, as other runtimes do: only the images are left.
	if pidfd := process.Open(c.state.Pid, c.state.StartTime); pidfd >= 0 {
		process.AwaitEnd(pidfd, process.Patience)
		_ = unix.Close(pidfd)
	}
	return r.destroy(c.container, c.state)
}
