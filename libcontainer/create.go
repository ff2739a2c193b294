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

// CreateOptions are the options of Create and Run. It has more fields than other types here: one for each flag of
// rt-create(8), and for what rt(8) has from its own process.
type CreateOptions struct {
	Bundle        string // "" is the working directory
	ConsoleSocket string // gets the master of the terminal
	PidfdSocket   string // gets a pidfd of the container's process
	PidFile       string // gets the pid of that process, without a newline
	NoPivot       bool   // use a moved mount and chroot(2) instead of pivot_root(2)
	NoNewKeyring  bool   // use the session keyring of this process
	// PreserveFDs is how many descriptors of this process, from 3 on, the container's process gets by the same numbers.
	PreserveFDs int
	// ExtraFiles are given to the container's process by the numbers from 3+PreserveFDs on.
	ExtraFiles []*os.File
	// Stdin, Stdout and Stderr are the standard streams of the container's process, or, in the foreground, what its
	// terminal is relayed to. A nil one is a null device. The container can do with a file what its user may do with
	// it: give it no file whose mode or owner matters to the host.
	Stdin, Stdout, Stderr *os.File
	Ephemeral             bool   // a layer over root.path takes all changes, and ends with the container
	EphemeralSize         string // the most that this layer may hold: bytes, or with k, m, g or %
	Overlay               string // a directory that keeps the changes, instead of such a layer
	// Trace gets an event for each step of the plan.
	Trace func(TraceEvent)
	// Observe gets the calls that the container makes; linux.seccomp is not applied meanwhile. It takes a container in
	// the foreground.
	Observe *seccomp.Recorder
}

// Create makes a container that waits for [Container.Start]. If it fails or ctx is cancelled before it returns, nothing
// of the container is left. It always returns a handle: after an error that one has the warnings, in
// [Container.Created], and its container does not exist.
func (r *Runtime) Create(ctx context.Context, id string, o *CreateOptions) (*Container, error) {
	c, by := r.Container(id), r.call(ctx)
	var err error
	c.Created, err = ended(by, 0, r.create(by, id, o))
	return c, err
}

func (r *Runtime) create(by *caller.Caller, id string, o *CreateOptions) error {
	c, err := r.newCreation(by, id, o, true)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.CheckAttended(true); err != nil {
		return err
	}
	defer by.CatchEnd()()
	if err := c.Make(); err != nil {
		return err
	}
	if err := by.Interrupted(); err != nil {
		c.Undo()
		return err
	}
	return nil
}

// newCreation reads the config of the bundle and begins the creation of a container. It changes nothing.
func (r *Runtime) newCreation(by *caller.Caller, id string, o *CreateOptions, wait bool) (*creation.Creation, error) {
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
	if by.Command {
		collectLater(config)
	}
	return creation.New(by, r.settings(), config, o.request(id, wait))
}

// collectLater lets the heap grow to 16 MB before the garbage collector begins, not 4, if the plan will be large: of a
// thousand mounts that is 12 MB, of which nothing can be freed before the container is made. Smaller plans need no
// collector, and would pay for the call, which stops the world.
func collectLater(config *spec.Spec) {
	const many, percent = 200, 400
	if len(config.Mounts) > many {
		debug.SetGCPercent(percent)
	}
}

// request is what the options ask of package creation.
func (o *CreateOptions) request(id string, wait bool) *creation.Request {
	return &creation.Request{
		Inspect: inspect.Request{
			ID: id, Wait: wait, NoPivot: o.NoPivot, NoNewKeyring: o.NoNewKeyring, PreserveFDs: o.PreserveFDs,
			Layer: inspect.LayerRequest{Ephemeral: o.Ephemeral, Size: o.EphemeralSize, Overlay: o.Overlay},
		},
		ConsoleSocket: o.ConsoleSocket, PidfdSocket: o.PidfdSocket, PidFile: o.PidFile,
		Stdin: o.Stdin, Stdout: o.Stdout, Stderr: o.Stderr, ExtraFiles: o.ExtraFiles,
		Recorder: o.Observe, Trace: tracer(o.Trace),
	}
}
