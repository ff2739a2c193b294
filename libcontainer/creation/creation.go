// Package creation makes one container: for `rt create`, which leaves it waiting for `rt start`, for `rt run`, and for
// `rt restore`, whose processes CRIU makes.
//
// New reads the config and the machine, and changes nothing. Make makes the state directory and the cgroup, starts the
// boot process and serves its sync points. Each change pushes its reversal on an undo stack, which an error runs.
// Release and Attend are what `rt run` does next. Restore stands in for Make and Release.
package creation

import (
	"os"

	"rt/internal/diag"
	"rt/internal/undo"
	"rt/libcontainer/caller"
	"rt/libcontainer/engine"
	"rt/libcontainer/host"
	"rt/libcontainer/inspect"
	"rt/libcontainer/plan"
	"rt/libcontainer/stdio"
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
	Trace                 Tracer            // may be nil
}

// Tracer returns the Trace of a session with a boot process that executes p. *pid is that process, 0 until it exists.
type Tracer func(p *plan.Plan, pid *int) func(*nsenter.Step, nsenter.Record)

// Creation is the creation of one container, up to its end if rt stays in the foreground.
type Creation struct {
	caller    *caller.Caller
	settings  *Settings
	request   *Request
	in        compilation
	groups    groups
	record    record
	resources resources
	hooks     hooks
	boot      supervision
	undo      undo.Stack
}

// New begins the creation of a container: it finds its cgroup, and reads what the plan depends on. It changes nothing.
func New(caller *caller.Caller, s *Settings, config *spec.Spec, r *Request) (*Creation, error) {
	caller.Warn(config.Warnings...)
	c := &Creation{
		caller: caller, settings: s, request: r,
		in:        compilation{caller: caller, settings: s, spec: config, facts: host.Probe()},
		resources: resources{streams: stdio.Of([3]int{}), console: engine.NewConsole(r.ConsoleSocket, [3]int{})},
	}
	c.hooks = hooks{caller: caller, settings: s, in: &c.in, record: &c.record}
	c.boot = supervision{
		caller: caller, in: &c.in, groups: &c.groups, record: &c.record, resources: &c.resources, hooks: &c.hooks,
		undo: &c.undo, recorder: r.Recorder,
	}
	var err error
	if c.groups.cgroup, err = findCgroup(r.Inspect.ID, config, &c.in.facts, s); err != nil {
		return nil, err
	}
	open := &c.resources
	if open.streams, err = stdio.Open(r.Stdin, r.Stdout, r.Stderr, r.Inspect.PreserveFDs, r.ExtraFiles); err != nil {
		c.Close()
		return nil, err
	}
	open.console = engine.NewConsole(r.ConsoleSocket, open.streams.Std)
	in := &r.Inspect
	in.ExtraFiles, in.Streams, in.ServiceManager = len(r.ExtraFiles), open.streams.Std, caller.Command
	in.Observe, in.Trace = r.Recorder != nil, r.Trace != nil
	if err := c.in.inspect(in); err != nil {
		c.Close()
		return nil, located(config, err)
	}
	open.streams.Preserved = c.in.options.PreserveFDs - in.ExtraFiles // with those of LISTEN_FDS
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

// HasProcess reports whether the config has a program to run.
func (c *Creation) HasProcess() bool { return c.in.spec.Process != nil }

// Plan compiles the plan that Make would execute, and does nothing else.
func (c *Creation) Plan() (*plan.Plan, error) {
	if err := c.in.compile(c.groups.cgroup); err != nil {
		return nil, err
	}
	return c.in.plan, nil
}

// Make executes the plan up to the point where the container is created. On an error nothing is left.
func (c *Creation) Make() error {
	if err := c.in.nameKeyring(); err != nil {
		return err
	}
	if err := c.in.compile(c.groups.cgroup); err != nil {
		return err
	}
	if err := c.execute(); err != nil {
		c.undo.Run()
		return err
	}
	return nil
}

// Undo removes the container.
func (c *Creation) Undo() { c.undo.Run() }

// Close closes what is open, and releases the lock.
func (c *Creation) Close() {
	c.boot.close()
	c.resources.close()
	c.groups.cgroup.Close()
	c.record.close()
}
