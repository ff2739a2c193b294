// Package hooks runs the hooks of a config.json.
//
// It starts each hook of a list with the state of the container, as JSON, on its standard input, and returns their
// failures as one error. The supervisor runs it, never the boot process: the Start function of the supervisor starts a
// hook inside the container's namespaces. The package decides neither when a list is run nor what its failure means for
// the container. It refuses nothing: package spec has checked the hooks.
//
// It follows config.md#posix-platform-hooks and runtime.md#lifecycle of the OCI runtime specification 1.3. Where the
// specification leaves a choice it does what users of other runtimes expect: a hook without env gets rt's own
// environment, and there is no timeout unless one is given.
package hooks

import (
	"os"
	"strconv"
	"syscall"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rt/internal/diag"
)

// Options say how a list of hooks is run. The zero value runs them as ordinary children of rt and stops at the first
// failure.
type Options struct {
	// All says that the next hook runs after a failure too; the error then reports every hook that failed. The
	// specification requires this for poststart and poststop.
	All bool
	// Dir is the working directory of a hook; "" is rt's own. A Start of the caller sets it itself.
	Dir string
	// Env is what a hook without env gets; nil is rt's own environment.
	Env []string
	// Contained says that the hook is a program of the container's: its output is bounded.
	Contained bool
	// Copies are the files that get a copy of what hooks write; nil is none.
	Copies *Copies
	// Interrupted is called about ten times a second while a hook runs; true kills the hook. It may be nil.
	Interrupted func() bool
	// Start starts a hook and returns its pid, which must be a child of this process; nil means syscall.ForkExec. files
	// become its descriptors 0, 1 and 2. The error is the errno of the call that failed, as a rule execve(2).
	Start func(argv0 string, argv, env []string, files []uintptr) (pid int, err error)
}

// Copies are the descriptors of files that get a copy of the standard output and error of hooks; -1 is none.
type Copies struct{ Stdout, Stderr int }

// Run runs the hooks in order, each after the one before has ended, and returns nil or a *diag.Error with the field of
// the hook that failed. kind is the name of the list in the document ("prestart"), state is what each hook reads from
// its standard input (runtime.md, State).
//
// Processes that a hook leaves in the background are neither ended nor waited for.
func Run(kind string, list []specs.Hook, state []byte, o Options) error {
	var first *diag.Error
	for i := range list {
		e := run(&list[i], state, &o)
		if e == nil {
			continue
		}
		e.Kind = diag.Host
		e.Field = "hooks." + kind + "[" + strconv.Itoa(i) + "]"
		e.Value = list[i].Path
		// The words are runc's: engines and scripts look for them.
		e.Problem = "error running " + kind + " hook #" + strconv.Itoa(i) + ": " + e.Problem
		if !o.All {
			return e
		}
		if first == nil {
			first = e
		} else {
			first.More = append(first.More, e)
		}
	}
	if first == nil {
		return nil // not first: a nil *diag.Error inside an error is not nil
	}
	return first
}

// run runs one hook from its start to its end.
func run(h *specs.Hook, state []byte, o *Options) *diag.Error {
	r := runningHook{interrupted: o.Interrupted, limit: timeoutOf(h)}
	defer r.close()
	var err error
	if r.in, err = newInput(state); err != nil {
		return diag.Sys("its standard input can't be made", "pipe2", err)
	}
	copies := Copies{-1, -1}
	if o.Copies != nil {
		copies = *o.Copies
	}
	for i, file := range [...]int{copies.Stdout, copies.Stderr} {
		if r.out[i], err = newOutput(o.Contained, file); err != nil {
			return diag.Sys("its standard output can't be made", "memfd_create", err)
		}
	}
	pid, err := start(h, o, []uintptr{uintptr(r.in.read), uintptr(r.out[0].write), uintptr(r.out[1].write)})
	if err != nil {
		return startError(h, o, err)
	}
	return r.wait(pid)
}

// start starts the hook, with defaults for the properties that it leaves out, and returns its pid.
func start(h *specs.Hook, o *Options, files []uintptr) (int, error) {
	argv := h.Args
	if len(argv) == 0 {
		argv = []string{h.Path} // args is optional, a program without argv[0] is not
	}
	env := h.Env
	if env == nil {
		env = o.Env
	}
	if env == nil {
		env = os.Environ()
	}
	if o.Start != nil {
		return o.Start(h.Path, argv, env, files)
	}
	return syscall.ForkExec(h.Path, argv, &syscall.ProcAttr{Dir: o.Dir, Env: env, Files: files})
}
