package libcontainer

import (
	"context"
	"os"
	"path/filepath"
	"runtime/debug"

	"rt/internal/diag"
	"rt/libcontainer/caller"
	"rt/libcontainer/creation"
	"rt/libcontainer/inspect"
	"rt/libcontainer/state"
	"rt/seccomp"
	"rt/spec"
)

// CreateOptions are the options of Create and Run. Its many fields are the options of rt-create(8), and the files that
// rt(8) takes from its own process.
type CreateOptions struct {
	Bundle        string // the path of the bundle; "" is the working directory
	ConsoleSocket string // the path of a Unix socket that receives the master of the terminal
	PidfdSocket   string // the path of a Unix socket that receives a pidfd of the container's init
	PidFile       string // the path of a file for the pid of the init; it gets no newline
	NoPivot       bool   // move the root mount and chroot(2), instead of pivot_root(2)
	NoNewKeyring  bool   // the container uses the session keyring of this process
	// PreserveFDs is the number of descriptors that the init inherits from this process: 3 to 2+PreserveFDs.
	PreserveFDs int
	// ExtraFiles are further descriptors of the init, from 3+PreserveFDs on.
	ExtraFiles []*os.File
	// Stdin, Stdout and Stderr are the standard streams of the init; nil is a null device. If the init has a terminal,
	// Run relays the terminal to them. The container can change the mode and the owner of a file as its user may: don't
	// pass files whose mode or owner matters to the host.
	Stdin, Stdout, Stderr *os.File
	Ephemeral             bool   // a tmpfs over root.path stores all changes, and is removed with the container
	EphemeralSize         string // the size of this tmpfs: bytes, or with a suffix k, m, g or %; "" is 50%
	Overlay               string // the path of a directory that stores the changes, instead of a tmpfs
	// Trace is called with each executed step of the plan; it may be nil.
	Trace func(TraceEvent)
	// Recorder records the system calls of the container, to which linux.seccomp is not applied. It requires a
	// container in the foreground. It may be nil.
	Recorder *seccomp.Recorder
}

// Create creates a container that waits for [Container.Start]. If it fails or ctx is cancelled, the container does not
// exist. Even then the returned handle is not nil: its field Created has the warnings.
func (r *Runtime) Create(ctx context.Context, id string, o *CreateOptions) (*Container, error) {
	c, caller := r.Container(id), r.call(ctx)
	var err error
	c.Created, err = resultOf(caller, 0, r.create(caller, id, o))
	return c, err
}

func (r *Runtime) create(caller *caller.Caller, id string, o *CreateOptions) error {
	c, err := r.newCreation(caller, id, o, true)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.CheckAttended(true); err != nil {
		return err
	}
	defer caller.CatchEnd()()
	if err := c.Make(); err != nil {
		return err
	}
	if err := caller.Interrupted(); err != nil {
		c.Undo()
		return err
	}
	return nil
}

// newCreation reads the config of the bundle and begins the creation of a container. It changes nothing.
func (r *Runtime) newCreation(caller *caller.Caller, id string, o *CreateOptions, wait bool,
) (*creation.Creation, error) {
	if err := state.CheckID(id); err != nil {
		return nil, err
	}
	bundle, err := filepath.Abs(o.Bundle)
	if err != nil {
		return nil, &diag.Error{Kind: diag.Usage, Field: "--bundle", Value: o.Bundle, Err: err}
	}
	config, err := spec.Load(bundle, spec.LoadOptions{})
	if err != nil {
		return nil, err
	}
	if caller.Command {
		delayCollection(config)
	}
	return creation.New(caller, r.settings(), config, o.request(id, wait))
}

// delayCollection lets the heap grow to 16 MB instead of 4 before the garbage collector begins, if the plan will be
// large. The plan of a thousand mounts has 12 MB, which can't be freed before the container exists. Smaller plans need
// no collector, and debug.SetGCPercent stops the world.
func delayCollection(config *spec.Spec) {
	const many, percent = 200, 400
	if len(config.Mounts) > many {
		debug.SetGCPercent(percent)
	}
}

// request returns the options as package creation has them.
func (o *CreateOptions) request(id string, wait bool) *creation.Request {
	return &creation.Request{
		Inspect: inspect.Request{
			ID: id, Wait: wait, NoPivot: o.NoPivot, NoNewKeyring: o.NoNewKeyring, PreserveFDs: o.PreserveFDs,
			Layer: inspect.LayerRequest{Ephemeral: o.Ephemeral, Size: o.EphemeralSize, Overlay: o.Overlay},
		},
		ConsoleSocket: o.ConsoleSocket, PidfdSocket: o.PidfdSocket, PidFile: o.PidFile,
		Stdin: o.Stdin, Stdout: o.Stdout, Stderr: o.Stderr, ExtraFiles: o.ExtraFiles,
		Recorder: o.Recorder, Trace: tracer(o.Trace),
	}
}
