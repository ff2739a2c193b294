package libcontainer

import (
	"context"

	"rt/libcontainer/caller"
	"rt/libcontainer/checkpoint"
	"rt/libcontainer/state"
)

// Checkpoint dumps the processes of the container to files with CRIU; [Runtime.Restore] restores them. Then it deletes
// the container, except with LeaveRunning or PreDump. If the dump fails, the container continues. Cancelling ctx has no
// effect once CRIU has started.
func (c *Container) Checkpoint(ctx context.Context, o *CheckpointOptions) (Result, error) {
	caller, err := c.begin(ctx)
	if err == nil {
		err = c.checkpoint(caller, o)
	}
	return resultOf(caller, 0, err)
}

// ImageOptions are the options that Checkpoint and Restore have in common. criu(8) explains them.
//
//	ImagePath        the directory of the images; "" is DefaultImages
//	WorkPath         the directory of CRIU's log and statistics; "" is one in the state directory
//	TCPEstablished   allow established TCP connections
//	TCPSkipInFlight  skip TCP connections that are not established yet
//	ExtUnixSockets   allow Unix sockets that are connected to processes outside the container
//	ShellJob         allow a terminal of the host
//	FileLocks        allow file locks
//	LinkRemap        allow open files without a name, by temporary links to them
//	LazyPages        transfer memory on demand, with userfaultfd(2)
//	AutoDedup        remove pages from images that a later dump replaces
//	ManageCgroups    "soft", "full", "strict" or "ignore"; "" is soft
//	EmptyNS          namespaces that are neither dumped nor restored; only "network" is possible
type ImageOptions = checkpoint.ImageOptions

// CheckpointOptions are the options of Checkpoint.
//
//	ImageOptions  embedded
//	ParentPath    the images of an earlier PreDump, relative to ImagePath
//	LeaveRunning  the container continues
//	PreDump       dump only memory, without what is unchanged since ParentPath; the container continues
//	PageServer    "ADDRESS:PORT" of a CRIU page server, which receives the memory
//	StatusFD      a descriptor that gets a NUL byte when LazyPages can be fetched; -1 for none
//	Progress      called about ten times a second, and at the end; may be nil
type CheckpointOptions = checkpoint.Options

// CheckpointProgress is the argument of CheckpointOptions.Progress.
//
//	Bytes       of memory in the images so far
//	Done        the dump is complete; Pages and FrozenTime are 0 before, and if CRIU does not report them
//	Pages       the number of memory pages that CRIU has written
//	FrozenTime  for how long the processes were frozen
type CheckpointProgress = checkpoint.Progress

// DefaultImages is the default of ImageOptions.ImagePath, relative to the working directory.
const DefaultImages = checkpoint.DefaultImages

func (c *Container) checkpoint(caller *caller.Caller, o *CheckpointOptions) error {
	opened, err := c.openFor(caller, state.Checkpoint, true)
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
		Log: checkpoint.Log{Debug: caller.Log, Warn: caller.Warn}, CRIU: c.runtime.CRIU,
	}
	defer caller.CatchEnd()()
	if err := checkpoint.Save(&target, o); err != nil {
		return err
	}
	if o.LeaveRunning || o.PreDump {
		return nil
	}
	// CRIU has killed all processes. The rest is deleted, as other runtimes do: only the images are left.
	awaitEnd(opened.state)
	return c.destroy(caller, opened)
}

// RestoreOptions are the options of Restore. Of CreateOptions it uses Bundle, ConsoleSocket, PidfdSocket and PidFile.
type RestoreOptions struct {
	RunOptions
	ImageOptions
	ParentPath      string // as in CheckpointOptions
	LSMProfile      string // "TYPE:NAME": the label of the processes, instead of the dumped one
	LSMMountContext string // the option context= of mounts, instead of the dumped one
	// Progress is called at each stage, and about ten times a second; it may be nil.
	Progress func(RestoreProgress)
}

// RestoreProgress is the argument of RestoreOptions.Progress.
//
//	Stage        the current stage
//	Elapsed      the time since CRIU has received the request
//	Bytes        the size of the images in ImagePath, without those of a parent
//	Pages        the number of memory pages that CRIU has restored
//	ForkTime     how long CRIU took to fork the processes
//	RestoreTime  how long CRIU took for the whole restore
//
// Pages, ForkTime and RestoreTime are 0 before the stage Resumed, and if CRIU does not report them.
type RestoreProgress = checkpoint.RestoreProgress

// RestoreStage is a stage of a restore.
type RestoreStage = checkpoint.RestoreStage

// The stages of a restore.
const (
	Restoring = checkpoint.Restoring // CRIU restores the processes
	Resuming  = checkpoint.Resuming  // they are restored, and continue as soon as Progress returns
	Resumed   = checkpoint.Resumed   // they run
)

// Restore creates a container from the files of [Container.Checkpoint], and waits for its end as [Runtime.Run] does, or
// returns with Detach. Cancelling ctx while CRIU runs has no effect; in the foreground it kills the program afterwards,
// as in Run.
func (r *Runtime) Restore(ctx context.Context, id string, o *RestoreOptions) (Result, error) {
	caller := r.call(ctx)
	status, err := r.restore(caller, id, o)
	return resultOf(caller, status, err)
}

func (r *Runtime) restore(caller *caller.Caller, id string, o *RestoreOptions) (int, error) {
	if err := caller.Interrupted(); err != nil {
		return 0, err
	}
	c, err := r.newCreation(caller, id, &o.CreateOptions, false)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	if err := c.CheckAttended(o.Detach); err != nil {
		return 0, err
	}
	if o.NoPivot {
		caller.Warn("--no-pivot has no effect on restore: CRIU changes the root by itself")
	}
	restoration, err := c.Restoration(&checkpoint.RestoreOptions{
		ImageOptions: o.ImageOptions, ParentPath: o.ParentPath,
		LSMProfile: o.LSMProfile, LSMMountContext: o.LSMMountContext, CRIU: r.CRIU, Progress: o.Progress,
	})
	if err != nil {
		return 0, err
	}
	defer restoration.Close()
	if o.Detach {
		defer caller.CatchEnd()()
	} else if err := c.PrepareToAttend(!o.NoSubreaper); err != nil {
		return 0, err
	}
	if err := restoration.Restore(); err != nil || o.Detach {
		return 0, err
	}
	return c.Attend(o.Keep)
}
