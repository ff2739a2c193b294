// Package libcontainer is the life of a container: create, start, run, state, list, kill, delete.
//
// It turns a bundle and the options of a command into a container and back into nothing. It runs in rt only: it is the
// supervisor of the boot process, whose plan (package plan) it has compiled and started (package nsenter), and whose
// sync points it serves. It holds no opinion on what a plan does, writes no cgroup file (package cgroup) and no state
// file (package state) itself, and prints nothing (package cli).
//
// It follows runtime.md of the OCI runtime specification 1.3. Whatever it makes, it records first or takes back on
// failure, so that a killed rt leaves nothing that `rt delete --force` does not remove.
package libcontainer

import (
	"os"
	"path/filepath"

	"rt/internal/diag"
	"rt/libcontainer/host"
	"rt/libcontainer/plan"
	"rt/libcontainer/state"
	"rt/nsenter"
	"rt/seccomp"
)

// Runtime is what all commands share. The zero value is rt as it is called without options.
type Runtime struct {
	Root          string // where the containers' state is; "" is state.DefaultRoot
	SystemdCgroup bool   // let systemd make the cgroups
	NoCgroup      bool   // make none
	Rootless      string // "true", "false", or "auto" and "": found out
	// Warnings are what the runtime spec wants warnings for, to be shown if the command succeeds.
	Warnings []string
	// EndReason says why the program of Run has ended, if the kernel or a limit has ended it.
	EndReason string
	// Debug gets a line for each thing that rt does; nil drops them.
	Debug func(line string)
	// edit changes a plan before it is carried out. Only the tests of this package can set it, to fail one step of a
	// plan after the other: an error path that can't be reached in any other way is one that was never tried.
	edit func(*plan.Plan)
	// resctrl is where the resctrl file system is; "" finds it. Only tests set it, on machines that have none.
	resctrl string
}

// CreateOptions are the options of create and run.
type CreateOptions struct {
	Bundle        string // "" is the working directory
	config        string // a file in place of the bundle's config.json; only for Plan
	ConsoleSocket string // gets the master of the terminal
	PidfdSocket   string // gets a pidfd of the container's process
	PidFile       string
	NoPivot       bool
	NoNewKeyring  bool
	PreserveFDs   int
	Ephemeral     bool   // a layer over root.path takes all changes, and ends with the container
	EphemeralSize string // the most that this layer may hold
	Overlay       string // a directory that keeps the changes, in place of such a layer
	// Trace gets an event for each step of the plan.
	Trace func(TraceEvent)
	// Observe gets the calls that the container makes; linux.seccomp is not applied meanwhile. It takes a container in
	// the foreground.
	Observe *seccomp.Recorder
}

// RunOptions are the options of run.
type RunOptions struct {
	CreateOptions
	Detach      bool // return when the container runs
	Keep        bool // don't delete the container at its end
	NoSubreaper bool // don't become the parent of the container's orphans
}

// TraceEvent is one step that a boot process has carried out.
type TraceEvent struct {
	Step                         int // as `rt plan` numbers it
	Text, Sentence, Origin, Part string
	Result                       int64 // of the system call; the errno negated
	Start, End                   int64 // nanoseconds of CLOCK_MONOTONIC
	Pid                          int
}

// tracer hands on what steps report of themselves; nil if nobody wants to know. pid is the container's process, once it
// is there.
func tracer(p *plan.Plan, to func(TraceEvent), pid *int) func(*nsenter.Step, nsenter.Record) {
	if to == nil {
		return nil
	}
	return func(step *nsenter.Step, record nsenter.Record) {
		e := TraceEvent{Step: int(step.Number), Result: record.Value, Start: record.Start, End: record.End, Pid: *pid}
		plain := p.Plain()
		i := e.Step - 1
		s := &plain.Steps[i]
		e.Text, e.Sentence, e.Origin, e.Part = plain.Text(i), s.Sentence, s.Origin, plain.Part(i)
		to(e)
	}
}

// Listed is an entry of List.
type Listed struct {
	*state.State
	Status state.Status
}

// rootless reports whether rt can't expect the rights of the host's root.
func (r *Runtime) rootless(f *host.Facts) bool {
	switch r.Rootless {
	case "true":
		return true
	case "false":
		return false
	}
	return f.EUID != 0 || f.UserNS
}

// root opens the directory of all state.
func (r *Runtime) root(create bool) (*state.Root, error) {
	path, err := r.rootPath()
	if err != nil {
		return nil, err
	}
	return state.OpenRoot(path, create)
}

// rootPath is the absolute path of the directory of all state.
func (r *Runtime) rootPath() (string, error) {
	path := r.Root
	if path == "" {
		path = state.DefaultRoot()
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return "", &diag.Error{Kind: diag.Usage, Field: "--root", Value: r.Root, Err: err}
	}
	return path, nil
}

// open opens the directory of one container, with the lock that changing it takes.
func (r *Runtime) open(id string, lock bool) (*state.Root, *state.Container, error) {
	root, err := r.root(false)
	if err != nil {
		return nil, nil, err
	}
	c, err := root.Open(id, lock)
	if err != nil {
		root.Close()
		return nil, nil, err
	}
	return root, c, nil
}

func (r *Runtime) debug(line string) {
	if r.Debug != nil {
		r.Debug(line)
	}
}

func (r *Runtime) warn(lines ...string) { r.Warnings = append(r.Warnings, lines...) }

// Plan compiles the plan that Create (wait) or Run would carry out, and does nothing else. bundle may also be a
// config.json by any name; relative paths in it start in its directory.
func (r *Runtime) Plan(bundle string, o *CreateOptions, wait bool) (*plan.Plan, error) {
	options := *o
	options.Bundle = bundle
	if info, err := os.Stat(bundle); err == nil && !info.IsDir() {
		options.Bundle, options.config = filepath.Dir(bundle), bundle
	}
	m, err := r.newMaker("ID", &options, wait)
	if err != nil {
		return nil, err
	}
	defer m.close()
	return m.compile()
}
