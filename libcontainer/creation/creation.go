// Package creation makes one container: for `rt create`, which leaves it waiting for `rt start`, for `rt run`, and for
// `rt restore`, whose processes CRIU makes.
//
// New reads the config and the machine, and changes nothing. Make makes the state directory and the cgroup, starts the
// boot process and serves its sync points. Each change pushes its reversal on an undo stack, which an error runs.
// Release and Attend are what `rt run` does next. Restore stands in for Make and Release.
package creation

import (
	"os"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/internal/sys"
	"rt/internal/undo"
	"rt/libcontainer/caller"
	"rt/libcontainer/engine"
	"rt/libcontainer/host"
	"rt/libcontainer/inspect"
	"rt/libcontainer/overlay"
	"rt/libcontainer/plan"
	"rt/libcontainer/state"
	"rt/libcontainer/stdio"
	"rt/libcontainer/supervise"
	"rt/nsenter"
	"rt/seccomp"
	"rt/spec"
)

// Settings are what a runtime decides for all of its containers.
type Settings struct {
	Root          func() (string, error) // the state directory
	SystemdCgroup bool                   // let systemd make the cgroups
	NoCgroup      bool                   // make none
	Rootless      string                 // as in libcontainer.Runtime
	Resctrl       func() (string, error) // where resctrl is mounted
	Edit          func(*plan.Plan)       // changes a plan before it is executed, for tests; may be nil
}

// rootless reports whether rt can't expect the rights of the host's root.
func (s *Settings) rootless(f *host.Facts) bool {
	switch s.Rootless {
	case "true":
		return true
	case "false":
		return false
	}
	return f.EUID != 0 || f.UserNS
}

// Request is what the caller wants of the container.
type Request struct {
	// Inspect is what concerns the plan. New completes it by what follows of the other fields and of the caller.
	Inspect       inspect.Request
	ConsoleSocket string // gets the master of the terminal
	PidfdSocket   string // gets a pidfd of the container's process
	PidFile       string
	// Stdin, Stdout, Stderr and ExtraFiles are as in libcontainer.CreateOptions.
	Stdin, Stdout, Stderr *os.File
	ExtraFiles            []*os.File
	Recorder              *seccomp.Recorder // gets the system calls of the container; may be nil
	// Trace returns the Trace of the session; pid is set once the process exists. It may be nil.
	Trace func(p *plan.Plan, pid *int) func(*nsenter.Step, nsenter.Record)
}

// Creation is the creation of one container, up to its end if rt stays in the foreground.
type Creation struct {
	caller   *caller.Caller
	settings *Settings
	request  *Request
	in       compilation

	groups
	root      *state.Root
	container *state.Container // nil until record
	state     state.State      // Pid is 0 until the container's process exists
	session   *supervise.Session
	undo      undo.Stack
	left      bool        // the cgroup could not be removed
	poststop  *undo.Entry // runs the poststop hooks, once other hooks have run
	aides     aides
}

// New begins the creation of a container: it finds its cgroup, and reads what the plan depends on. It changes nothing.
func New(by *caller.Caller, s *Settings, config *spec.Spec, r *Request) (*Creation, error) {
	by.Warn(config.Warnings...)
	c := &Creation{
		caller: by, settings: s, request: r, in: compilation{spec: config, facts: host.Probe()},
		aides: aides{streams: stdio.Of([3]int{}), console: engine.NewConsole(r.ConsoleSocket, [3]int{})},
	}
	var err error
	if c.cgroup, err = findCgroup(r.Inspect.ID, config, &c.in.facts, s); err != nil {
		return nil, err
	}
	a := &c.aides
	if a.streams, err = stdio.Open(r.Stdin, r.Stdout, r.Stderr, r.Inspect.PreserveFDs, r.ExtraFiles); err != nil {
		c.Close()
		return nil, err
	}
	a.console = engine.NewConsole(r.ConsoleSocket, a.streams.Std)
	in := &r.Inspect
	in.ExtraFiles, in.Streams, in.ServiceManager = len(r.ExtraFiles), a.streams.Std, by.Command
	in.Observe, in.Trace = r.Recorder != nil, r.Trace != nil
	if err := c.inspect(); err != nil {
		c.Close()
		return nil, located(config, err)
	}
	return c, nil
}

// CheckAttended checks, before anything is made, that somebody attends what the container needs it for: its terminal,
// and the record of its system calls. detached says that rt does not stay in the foreground.
func (c *Creation) CheckAttended(detached bool) error {
	if err := engine.CheckConsole(c.in.spec.Process, c.request.ConsoleSocket, detached); err != nil {
		return err
	}
	if c.request.Recorder != nil && detached {
		return &diag.Error{
			Kind: diag.Usage, Field: "--seccomp-record",
			Problem: "needs a container in the foreground: rt itself sees its calls", Hint: "leave --detach out",
		}
	}
	return nil
}

// Make executes the plan up to the point where the container is created. On an error nothing is left.
func (c *Creation) Make() error {
	if err := c.nameKeyring(); err != nil {
		return err
	}
	if err := c.compile(); err != nil {
		return err
	}
	if err := c.execute(); err != nil {
		c.undo.Run()
		return err
	}
	return nil
}

// HasProcess reports whether the config has a program to run.
func (c *Creation) HasProcess() bool { return c.in.spec.Process != nil }

// Undo removes the container.
func (c *Creation) Undo() { c.undo.Run() }

func (c *Creation) execute() error {
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
func (c *Creation) record() (err error) {
	config, options := c.in.spec, &c.in.options
	if c.rdt, err = findRdt(options.ID, config, c.settings.Resctrl); err != nil {
		return err
	}
	if c.root, err = c.openRoot(); err != nil {
		return err
	}
	if l := options.Layer; l != nil && l.Dir != "" {
		if c.aides.overlay, err = overlay.Take(l.Dir, c.request.Inspect.Layer.Overlay); err != nil {
			return err
		}
		c.undo.Push(c.aides.overlay.Undo)
	}
	if c.container, err = c.root.Create(options.ID); err != nil {
		return err
	}
	c.undo.Push(c.forget)
	if options.Notify != "" {
		if err := c.container.MakeNotify(); err != nil {
			return err
		}
		if !options.Wait {
			if c.aides.relay, err = NewRelay(c.caller, c.container); err != nil {
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

// warnOf makes a warning of an error while a change was reversed.
func (c *Creation) warnOf(err error) {
	if err != nil {
		c.caller.Warn(err.Error())
	}
}

// begin makes the cgroup and starts the boot process.
func (c *Creation) begin() error {
	if err := c.makeGroups(); err != nil {
		return err
	}
	if h := c.cgroup.Hierarchies(); len(h) != len(c.in.facts.Hierarchies) {
		// An rt without rights may find only now that it gets no cgroup, or not all of them; then the plan must not
		// count on those.
		c.in.facts.Hierarchies = h
		warned := len(c.caller.Warnings)
		if err := c.compile(); err != nil {
			return err
		}
		c.caller.Warnings = c.caller.Warnings[:warned] // once is enough
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
	c.caller.Log("started the boot process " + strconv.Itoa(boot.Pid))
	c.supervise(boot, image)
	return nil
}

// spawnError adds to the error about a boot process that could not be started.
func (c *Creation) spawnError(err error) error {
	e, ok := err.(*diag.Error) //nolint:errorlint // made by Spawn
	if ok && e.Errno == unix.EPERM && c.in.facts.EUID != 0 {
		e.Field = "linux.namespaces"
		e.Hint = "without root's rights namespaces need a new user namespace: add one, as `rt spec --rootless` does"
	}
	return err
}

// meanwhile does what rt and the boot process need not wait for each other with: on another processor it costs no time.
func (c *Creation) meanwhile() error {
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
// they can't, though it may be cloned into a cgroup2: the device rules of v1 are written one by one, and the first
// denies everything.
func (c *Creation) limitMeanwhile() bool {
	return c.in.plan.IntoCgroup && c.in.facts.CgroupMode == host.CgroupV2
}

// readStartTime reads the start time of the container's process. It does not change when the process executes a
// program.
func (c *Creation) readStartTime() (err error) {
	if c.state.StartTime, err = state.StartTime(c.state.Pid); err != nil {
		return diag.Sys("the start time of the container's process can't be read", "read", err)
	}
	return nil
}

// created records that the container is created, and tells the engine.
func (c *Creation) created() error {
	if c.state.StartTime == 0 {
		if err := c.readStartTime(); err != nil {
			return err
		}
	}
	c.state.Phase = state.Created
	c.caller.Pid = c.state.Pid
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
	socket := c.request.PidfdSocket
	if socket == "" {
		socket = c.in.spec.OCI.Annotations[plan.PidfdAnnotation]
	}
	return engine.Tell(c.state.Pid, socket, c.request.PidFile)
}

// Close closes what is open, and releases the lock.
func (c *Creation) Close() {
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

// openRoot opens the state directory, and makes it if it is missing.
func (c *Creation) openRoot() (*state.Root, error) {
	path, err := c.settings.Root()
	if err != nil {
		return nil, err
	}
	return state.OpenRoot(path, true)
}
