package libcontainer

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/internal/sys"
	"rt/internal/undo"
	"rt/libcontainer/cgroup"
	"rt/libcontainer/engine"
	"rt/libcontainer/host"
	"rt/libcontainer/overlay"
	"rt/libcontainer/plan"
	"rt/libcontainer/rdt"
	"rt/libcontainer/state"
	"rt/libcontainer/stdio"
	"rt/libcontainer/supervise"
	"rt/nsenter"
	"rt/seccomp"
	"rt/spec"
)

// CreateOptions are the options of create and run: a field for each flag, and for what a command has from its own
// process.
type CreateOptions struct {
	Bundle        string // "" is the working directory
	ConsoleSocket string // gets the master of the terminal
	PidfdSocket   string // gets a pidfd of the container's process
	PidFile       string
	NoPivot       bool
	NoNewKeyring  bool
	// PreserveFDs is how many descriptors of this process, from 3 on, the container's process gets by the same numbers.
	PreserveFDs int
	// ExtraFiles are given to the container's process by the numbers from 3+PreserveFDs on.
	ExtraFiles []*os.File
	// Stdin, Stdout and Stderr are the standard streams of the container's process, or, in the foreground, what its
	// terminal is relayed to. A nil one is a null device. The container can do with a file what its user may do with
	// it: give it no file whose mode or owner matters to the host.
	Stdin, Stdout, Stderr *os.File
	Ephemeral             bool   // a layer over root.path takes all changes, and ends with the container
	EphemeralSize         string // the most that this layer may hold
	Overlay               string // a directory that keeps the changes, instead of such a layer
	// Trace gets an event for each step of the plan.
	Trace func(TraceEvent)
	// Observe gets the calls that the container makes; linux.seccomp is not applied meanwhile. It takes a container in
	// the foreground.
	Observe *seccomp.Recorder
}

// Create makes a container that waits for [Runtime.Start]. If it fails or ctx is cancelled before it returns, nothing
// of the container is left.
func (r *Runtime) Create(ctx context.Context, id string, o *CreateOptions) (Result, error) {
	c := r.call(ctx)
	return c.ended(0, c.create(id, o))
}

// create makes a container that waits for start. On an error nothing is left of it.
func (r *call) create(id string, o *CreateOptions) error {
	if err := state.CheckID(id); err != nil {
		return err
	}
	config, err := r.load(o)
	if err != nil {
		return err
	}
	c, err := r.newCreation(id, config, o, true)
	if err != nil {
		return err
	}
	defer c.close()
	if err := engine.CheckConsole(c.in.spec.Process, o.ConsoleSocket, true); err != nil {
		return err
	}
	if err := checkObserve(o, true); err != nil {
		return err
	}
	defer r.catchEnd()()
	if err := c.make(); err != nil {
		return err
	}
	if err := r.interrupted(); err != nil {
		c.undo.Run()
		return err
	}
	return nil
}

// creation is the creation of one container, by Create, Run or Restore, up to its end if rt stays in the foreground.
// Each change pushes its reversal on undo. It has more methods than other types here, since what happens to a container
// is one story: create.go begins it, create_serve.go has the sync points, and run.go and restore.go have the ends.
type creation struct {
	r  *call
	o  *CreateOptions
	in compilation

	cgroup    *cgroup.Group
	rdt       *rdt.Group // nil without linux.intelRdt
	root      *state.Root
	container *state.Container // nil until record
	state     state.State      // Pid is 0 until the container's process exists
	session   *supervise.Session
	undo      undo.Stack
	poststop  *undo.Entry // runs the poststop hooks, once other hooks have run
	aides     aides
}

// load reads the config of the bundle.
func (r *call) load(o *CreateOptions) (*spec.Spec, error) {
	bundle, err := filepath.Abs(o.Bundle)
	if err != nil {
		return nil, &diag.Error{Kind: diag.Usage, Field: "--bundle", Value: o.Bundle, Err: err}
	}
	return loadConfig(bundle, "")
}

// newCreation begins the creation of a container: it finds its cgroup, and reads what the plan depends on. It changes
// nothing.
func (r *call) newCreation(id string, config *spec.Spec, o *CreateOptions, wait bool) (*creation, error) {
	r.warn(config.Warnings...)
	c := &creation{
		r: r, o: o, in: compilation{spec: config, facts: host.Probe()},
		aides: aides{streams: stdio.Of([3]int{}), console: engine.NewConsole(o.ConsoleSocket, [3]int{})},
	}
	var err error
	if c.cgroup, err = r.findCgroup(id, config, &c.in.facts); err != nil {
		return nil, err
	}
	a := &c.aides
	if a.streams, err = stdio.Open(o.Stdin, o.Stdout, o.Stderr, o.PreserveFDs, o.ExtraFiles); err != nil {
		c.close()
		return nil, err
	}
	a.console = engine.NewConsole(o.ConsoleSocket, a.streams.Std)
	if err := c.in.inspect(r, id, o, wait, &a.streams); err != nil {
		c.close()
		return nil, located(config, err)
	}
	return c, nil
}

// make executes the plan up to the point where the container is created. On an error nothing is left.
func (c *creation) make() error {
	err := c.in.nameKeyring()
	if err == nil {
		err = c.in.compile(c.r, c.cgroup)
	}
	if err != nil {
		return err
	}
	if err := c.execute(); err != nil {
		c.undo.Run()
		return err
	}
	return nil
}

func (c *creation) execute() error {
	if err := c.record(); err != nil {
		return err
	}
	if err := c.begin(); err != nil {
		return err
	}
	if err := c.meanwhile(); err != nil {
		return err
	}
	if err := c.serve(plan.SyncReady); err != nil {
		return err
	}
	if err := c.cgroup.ForbidForks(); err != nil {
		return err
	}
	if err := c.rdt.Join(c.state.Pid); err != nil {
		return err
	}
	return c.created()
}

// record makes the state directory: from here on the container exists, and `rt delete --force` removes all that
// follows.
func (c *creation) record() (err error) {
	config, options := c.in.spec, &c.in.options
	if c.rdt, err = c.r.findRdt(options.ID, config); err != nil {
		return err
	}
	if c.root, err = c.r.root(true); err != nil {
		return err
	}
	if l := options.Layer; l != nil && l.Dir != "" {
		if c.aides.overlay, err = overlay.Take(l.Dir, c.o.Overlay); err != nil {
			return err
		}
		c.undo.Push(c.aides.overlay.Undo)
	}
	if c.container, err = c.root.Create(options.ID); err != nil {
		return err
	}
	c.undo.Push(func() { c.warnOf(c.container.Remove()) })
	if options.Notify != "" {
		if err := c.container.MakeNotify(); err != nil {
			return err
		}
		if !options.Wait {
			if c.aides.relay, err = c.r.newRelay(c.container); err != nil {
				return err
			}
		}
	}
	c.state = state.State{
		OCIVersion: config.OCI.Version, ID: options.ID, Bundle: config.Bundle, Rootfs: config.Rootfs,
		Owner: c.in.facts.EUID, Created: time.Now().UTC(), Annotations: config.OCI.Annotations, Phase: state.Creating,
		Cgroup: state.Cgroup(c.cgroup.Saved()), Terminal: config.Process != nil && config.Process.Terminal,
		NoNewKeyring: options.NoNewKeyring, Keyring: options.Keyring,
	}
	if c.rdt != nil {
		c.state.IntelRdt = state.IntelRdt(c.rdt.Made)
	}
	return c.container.Save(&c.state)
}

// makeGroups makes the cgroup and the class of linux.intelRdt. What is in the cgroup is the container.
func (c *creation) makeGroups() error {
	c.poststop = c.undo.Push(nil) // after the end of all that the container has
	if err := c.cgroup.Create(); err != nil {
		return err
	}
	c.undo.Push(c.removeCgroup)
	if !c.cgroup.Available() && !c.r.SystemdCgroup && !c.r.NoCgroup && !c.r.rootless(&c.in.facts) {
		c.r.warn("the container has no cgroup of its own: none can be made in " + plan.HostCgroup2 +
			", and the config asks for none; so no device rules hold, and there are no statistics")
	}
	if c.rdt == nil {
		return nil
	}
	// The state has the class already: a killed rt leaves nothing behind.
	if err := c.rdt.Make(); err != nil {
		// What another rt has made meanwhile is not the container's to remove.
		c.state.IntelRdt = state.IntelRdt(c.rdt.Made)
		return err
	}
	c.undo.Push(c.rdt.Undo)
	return nil
}

// removeCgroup removes the cgroup, with all that is in it.
func (c *creation) removeCgroup() {
	if c.cgroup.Available() {
		_ = c.cgroup.Kill(unix.SIGKILL)
		c.warnOf(c.cgroup.Destroy())
		c.cgroup.Undo()
	}
}

// warnOf makes a warning of an error while a change was reversed.
func (c *creation) warnOf(err error) {
	if err != nil {
		c.r.warn(err.Error())
	}
}

// begin makes the cgroup and starts the boot process.
func (c *creation) begin() error {
	if err := c.makeGroups(); err != nil {
		return err
	}
	if h := c.cgroup.Hierarchies(); len(h) != len(c.in.facts.Hierarchies) {
		// An rt without rights may find only now that it gets no cgroup, or not all of them; then the plan must not
		// count on those.
		c.in.facts.Hierarchies = h
		warned := len(c.r.warnings)
		if err := c.in.compile(c.r, c.cgroup); err != nil {
			return err
		}
		c.r.warnings = c.r.warnings[:warned] // once is enough
	}
	image, err := nsenter.Assemble(&c.in.plan.Program)
	if err != nil {
		return &diag.Error{Kind: diag.Document, Problem: "the config can't be made into a boot image", Err: err}
	}
	files, err := c.opener().Open(c.in.plan.Files)
	if err != nil {
		return err
	}
	defer sys.CloseAll(files...)
	o := nsenter.SpawnOptions{
		Argv: []string{plan.BootName, c.in.options.ID}, Dir: c.container.Path("."),
		Files:      c.aides.streams.Files(files),
		CloneFlags: c.in.plan.CloneFlags, CgroupFD: -1,
	}
	if c.in.plan.IntoCgroup {
		if o.CgroupFD, err = c.cgroup.Dir(); err != nil {
			return err
		}
	}
	if !c.limitMeanwhile() {
		if err := c.cgroup.Limit(); err != nil {
			return err
		}
	}
	boot, err := nsenter.Spawn(image, &o)
	if err != nil {
		return c.spawnError(err)
	}
	c.r.debug("started the boot process " + strconv.Itoa(boot.Pid))
	c.supervise(boot)
	return nil
}

// spawnError adds to the error about a boot process that could not be started.
func (c *creation) spawnError(err error) error {
	e, ok := err.(*diag.Error) //nolint:errorlint // made by Spawn
	if ok && e.Errno == unix.EPERM && c.in.facts.EUID != 0 {
		e.Field = "linux.namespaces"
		e.Hint = "without root's rights namespaces need a new user namespace: add one, as `rt spec --rootless` does"
	}
	return err
}

// meanwhile does what rt and the boot process need not wait for each other with: on another processor it costs no time.
func (c *creation) meanwhile() error {
	if c.limitMeanwhile() {
		if err := c.cgroup.Limit(); err != nil {
			return err
		}
	}
	if err := c.container.SaveConfig(c.in.spec.Raw); err != nil {
		return err
	}
	if c.state.Pid > 0 {
		return c.readStartTime()
	}
	return nil
}

// limitMeanwhile reports whether the limits can be set while the boot process works in the cgroup. With v1 hierarchies
// they can't, though it may be born in a cgroup2: the device rules of v1 are written one by one, and the first denies
// everything.
func (c *creation) limitMeanwhile() bool {
	return c.in.plan.IntoCgroup && c.in.facts.CgroupMode == host.CgroupV2
}

// readStartTime reads the start time of the container's process. It does not change when the process executes a
// program.
func (c *creation) readStartTime() (err error) {
	if c.state.StartTime, err = state.StartTime(c.state.Pid); err != nil {
		return diag.Sys("the start time of the container's process can't be read", "read", err)
	}
	return nil
}

// created records that the container is created, and tells the engine.
func (c *creation) created() error {
	if c.state.StartTime == 0 {
		if err := c.readStartTime(); err != nil {
			return err
		}
	}
	c.state.Phase = state.Created
	c.r.pid = c.state.Pid
	c.state.Cgroup = state.Cgroup(c.cgroup.Saved()) // without rights it has turned out that there is none
	if c.in.options.Wait {
		steps := c.in.plan.Steps
		ready := slices.IndexFunc(steps, func(s nsenter.Step) bool { return plan.SyncPointOf(&s) == plan.SyncReady })
		if err := c.container.SaveSteps(supervise.FormatSteps(steps, ready+1)); err != nil {
			return err
		}
	}
	if err := c.container.Save(&c.state); err != nil {
		return err
	}
	if d := c.aides.overlay; d != nil {
		if err := d.Record(c.state.ID, c.state.Pid, c.state.StartTime); err != nil {
			return err
		}
	}
	socket := c.o.PidfdSocket
	if socket == "" {
		socket = c.in.spec.OCI.Annotations[plan.PidfdAnnotation]
	}
	return engine.Tell(c.state.Pid, socket, c.o.PidFile)
}

// close closes what is open, and releases the lock.
func (c *creation) close() {
	if c.session != nil {
		c.session.Boot.Close()
	}
	c.aides.close()
	c.cgroup.Close()
	if c.container != nil {
		c.container.Close()
	}
	if c.root != nil {
		c.root.Close()
	}
}
