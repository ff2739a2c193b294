// Package creation creates one container: for rt create, rt run and rt restore.
//
// New reads the config and examines the machine; it changes nothing. Make creates the container's directory in the
// state directory and its cgroup, starts the boot process and serves its sync points. Each change pushes its reversal
// on an undo stack, which runs if Make fails. rt run continues with Release and Attend. For rt restore,
// Restoration.Restore replaces Make and Release: CRIU creates the processes.
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

// Settings are the settings of a libcontainer.Runtime for all of its containers.
type Settings struct {
	Root          func() (string, error) // returns the state directory
	SystemdCgroup bool                   // systemd creates the cgroups
	NoCgroup      bool                   // containers get no cgroup of their own
	Rootless      string                 // as in libcontainer.Runtime
	Resctrl       func() (string, error) // returns the mount point of resctrl
	Edit          func(*plan.Plan)       // changes a plan before it is executed, for tests; may be nil
}

// rootless reports whether rt does not have the privileges of the host's root.
func (s *Settings) rootless(f *host.Facts) bool {
	switch s.Rootless {
	case "true":
		return true
	case "false":
		return false
	}
	return f.EUID != 0 || f.UserNS
}

// Request has the options of one container.
type Request struct {
	// Inspect has the options for the plan. New sets those of its fields that follow from other fields and the caller.
	Inspect       inspect.Request
	ConsoleSocket string // receives the master of the terminal
	PidfdSocket   string // receives a pidfd of the container's init
	PidFile       string
	// Stdin, Stdout, Stderr and ExtraFiles are as in libcontainer.CreateOptions.
	Stdin, Stdout, Stderr *os.File
	ExtraFiles            []*os.File
	Recorder              *seccomp.Recorder // records the system calls of the container; may be nil
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

// New begins the creation of a container: it finds the cgroup, and examines what the plan depends on. It changes
// nothing.
func New(caller *caller.Caller, s *Settings, config *spec.Spec, r *Request) (*Creation, error) {
	caller.Warn(config.Warnings...)
	c := &Creation{
		caller: caller, settings: s, request: r,
		in: compilation{caller: caller, settings: s, spec: config, facts: host.Probe()},
		resources: resources{
			streams: stdio.FromDescriptors([3]int{}), console: engine.NewConsole(r.ConsoleSocket, [3]int{}),
		},
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
		return nil, locate(config, err)
	}
	open.streams.Preserved = c.in.options.PreserveFDs - in.ExtraFiles // with those of LISTEN_FDS
	return c, nil
}

// CheckAttended returns an error if the container needs rt in the foreground, for its terminal or for the record of its
// system calls, and rt does not stay there: detached. It is called before anything is created.
func (c *Creation) CheckAttended(detached bool) error {
	if err := engine.CheckConsole(c.in.spec.Process, c.request.ConsoleSocket, detached); err != nil {
		return err
	}
	if c.request.Recorder != nil && detached {
		return &diag.Error{
			Kind: diag.Usage, Field: "--seccomp-record",
			Problem: "needs a container in the foreground: rt itself records the calls", Hint: "omit --detach",
		}
	}
	return nil
}

// HasProcess reports whether the config has a program to run.
func (c *Creation) HasProcess() bool { return c.in.spec.Process != nil }

// Plan compiles the plan that Make would execute. It changes nothing.
func (c *Creation) Plan() (*plan.Plan, error) {
	if err := c.in.compile(c.groups.cgroup); err != nil {
		return nil, err
	}
	return c.in.plan, nil
}

// Make executes the plan up to the sync point where the container is created. On an error it undoes its changes.
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
