package libcontainer

import (
	"context"

	"golang.org/x/sys/unix"

	"rt/libcontainer/caller"
	"rt/libcontainer/checkpoint"
	"rt/libcontainer/process"
	"rt/libcontainer/state"
)

// Checkpoint dumps the processes of the container to files, with CRIU, from which [Runtime.Restore] makes a container
// again. Afterwards the container is deleted, unless the options say otherwise; after an error it continues. ctx is
// looked at before CRIU starts.
func (c *Container) Checkpoint(ctx context.Context, o *CheckpointOptions) (Result, error) {
	by, err := c.begin(ctx)
	if err == nil {
		err = c.checkpoint(by, o)
	}
	return ended(by, 0, err)
}

// ImageOptions are the options that Checkpoint and Restore have in common.
type ImageOptions = checkpoint.ImageOptions

// CheckpointOptions are the options of Checkpoint.
type CheckpointOptions = checkpoint.Options

// CheckpointProgress is how far a checkpoint has come: CheckpointOptions.Progress.
type CheckpointProgress = checkpoint.Progress

// DefaultImages is the directory of the images without ImageOptions.ImagePath, in the working directory.
const DefaultImages = checkpoint.DefaultImages

func (c *Container) checkpoint(by *caller.Caller, o *CheckpointOptions) error {
	opened, err := c.openFor(by, state.Checkpoint, true)
	if err != nil {
		return err
	}
	defer opened.close()
	config, err := opened.config()
	if err != nil {
		return err
	}
	group, err := opened.loadCgroup()
	if err != nil {
		return err
	}
	target := checkpoint.Target{
		Spec: config, Dir: opened.container, State: opened.state, Status: opened.status, Cgroup: group,
		Log: checkpoint.Log{Debug: by.Log, Warn: by.Warn},
	}
	defer by.CatchEnd()()
	if err := checkpoint.Save(&target, o); err != nil {
		return err
	}
	if o.LeaveRunning || o.PreDump {
		return nil
	}
	// CRIU has killed all processes. The rest is deleted, as other runtimes do: only the images are left.
	if pidfd, _ := process.Open(opened.state.Pid, opened.state.StartTime); pidfd >= 0 {
		process.AwaitEnd(pidfd, process.Patience)
		_ = unix.Close(pidfd)
	}
	return c.destroy(by, opened)
}

// RestoreOptions are the options of Restore. Of CreateOptions it uses Bundle, ConsoleSocket, PidfdSocket and PidFile.
type RestoreOptions struct {
	RunOptions
	ImageOptions
	ParentPath      string // as for checkpoint
	LSMProfile      string // "TYPE:NAME": the label of the processes, instead of their dumped one
	LSMMountContext string // the context= of mounts, instead of their dumped one
	// Progress, if it is not nil, is told ten times a second how far CRIU has come, and of each stage.
	Progress func(RestoreProgress)
}

// RestoreProgress is how far a restore has come: RestoreOptions.Progress.
type RestoreProgress = checkpoint.RestoreProgress

// RestoreStage is one part of a restore.
type RestoreStage = checkpoint.RestoreStage

// The stages of a restore, in RestoreProgress.
const (
	Restoring = checkpoint.Restoring // CRIU works
	Resuming  = checkpoint.Resuming  // all is restored, and continues as soon as Progress returns
	Resumed   = checkpoint.Resumed   // the processes run
)

// Restore makes a container of the files of [Container.Checkpoint], and in the foreground waits for its end as
// [Runtime.Run] does. ctx is looked at before CRIU starts, and in the foreground kills the program as in Run.
func (r *Runtime) Restore(ctx context.Context, id string, o *RestoreOptions) (Result, error) {
	by := r.call(ctx)
	status, err := r.restore(by, id, o)
	return ended(by, status, err)
}

func (r *Runtime) restore(by *caller.Caller, id string, o *RestoreOptions) (int, error) {
	if err := by.Interrupted(); err != nil {
		return 0, err
	}
	c, err := r.newCreation(by, id, &o.CreateOptions, false)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	if err := c.CheckAttended(o.Detach); err != nil {
		return 0, err
	}
	if o.NoPivot {
		by.Warn("--no-pivot has no effect on restore: CRIU changes the root by itself")
	}
	restoration, err := c.Restoration(&checkpoint.RestoreOptions{
		ImageOptions: o.ImageOptions, ParentPath: o.ParentPath,
		LSMProfile: o.LSMProfile, LSMMountContext: o.LSMMountContext, Progress: o.Progress,
	})
	if err != nil {
		return 0, err
	}
	defer restoration.Close()
	if o.Detach {
		defer by.CatchEnd()()
	} else if err := c.PrepareToAttend(!o.NoSubreaper); err != nil {
		return 0, err
	}
	if err := restoration.Restore(); err != nil || o.Detach {
		return 0, err
	}
	return c.Attend(o.Keep)
}
