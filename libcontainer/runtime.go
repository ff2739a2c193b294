package libcontainer

import (
	"context"
	"path/filepath"

	"rt/internal/diag"
	"rt/libcontainer/caller"
	"rt/libcontainer/creation"
	"rt/libcontainer/plan"
	"rt/libcontainer/rdt"
	"rt/libcontainer/rootfs"
	"rt/libcontainer/state"
	"rt/nsenter"
)

// Runtime creates containers, and finds existing ones. The zero value has the settings of rt(8) without options.
// Several goroutines may use a Runtime at once if none of them changes its fields. A handle keeps the fields that the
// Runtime had when it returned the handle.
type Runtime struct {
	Root          string // the state directory; "" is /run/rt for root, and $XDG_RUNTIME_DIR/rt for others
	SystemdCgroup bool   // systemd creates the cgroups, as scopes
	NoCgroup      bool   // containers get no cgroup of their own
	CRIU          string // the path of criu, for Checkpoint and Restore; "" searches it in PATH
	// Rootless is "true" if this process does not have the privileges of the host's root, and "false" if it has them.
	// With "auto" or "" rt determines that itself.
	Rootless string
	// Command is for a program that serves a single container, as rt(8) does: the whole process works for it. Calls in
	// the foreground forward the signals of the process and make it a subreaper. SIGINT, SIGTERM and other fatal
	// signals undo an unfinished call. Descriptors from 3 on become close-on-exec before hooks run. The sockets of the
	// service manager (NOTIFY_SOCKET, LISTEN_FDS) are passed to the container. Without Command no call changes the
	// process or reads these variables.
	Command bool
	// Debug is called with a line of text for each action of rt; it may be nil. Concurrent calls call it concurrently.
	Debug func(line string)

	// edit changes a plan before it is executed. Only the tests of this package set it, to let each step of a plan
	// fail: most of these failures have no other cause that a test could arrange.
	edit func(*plan.Plan)
	// resctrl is the mount point of the resctrl file system; "" finds it. Only tests set it, on machines without one.
	resctrl string
}

// Result is what a call reports in addition to its error. Pid and Warnings may be set even if there is an error.
type Result struct {
	// Pid is the container's init, or the process that Exec started, in the pid namespace of the caller; 0 if there is
	// none. After a call in the foreground the process has ended.
	Pid int
	// Status is the exit status of that process, after a call in the foreground: 128 plus the number of the signal if a
	// signal killed it.
	Status int
	// EndReason is a sentence about the end of the process of Run, if the kernel killed it: "it was OOM-killed ...".
	EndReason string
	// Warnings are lines of text: the warnings that the runtime specification requires, and changes that could not be
	// undone.
	Warnings []string
}

// Error is the type of all errors of this package: errors.As, or errors.AsType[*Error], finds it.
//
//	Kind     what is at fault: the constants below
//	Op       what was asked for, "create web1", or the document, "config.json"
//	Line     the line of Field in the document, from 1; 0 if unknown
//	Column   its column in characters, from 1
//	Field    the property of config.json, or the option of rt(8): "mounts[3].destination"
//	Value    the value of Field
//	Problem  a clause that says what is wrong
//	Step     the number of the failed step in the plan, from 1; 0 if no step failed
//	Text     this step, as `rt plan` prints it
//	Call     the failed system call: "openat2"
//	Errno    its errno, a unix.Errno, or 0. errors.Is(err, unix.ENOENT) finds it
//	Hint     a sentence that says what to do, or the likely cause on this host; may be ""
//	Err      the cause, if it is not an errno. After a cancellation errors.Is(err, context.Canceled) finds it
//	More     further errors: a check reports all problems at once
type Error = diag.Error

// Kind says what is at fault: the machine, the options, the config or the status of the container.
type Kind = diag.Kind

// The kinds of errors.
const (
	Kernel      = diag.Kernel   // a system call failed
	Usage       = diag.Usage    // an option is invalid
	Document    = diag.Document // config.json or another document is invalid
	Host        = diag.Host     // the machine lacks something
	WrongStatus = diag.State    // the status of the container does not allow the call, or another call changes it
	Absent      = diag.Absent   // the container does not exist
)

// TraceEvent is a step of a plan that a boot process has executed.
type TraceEvent struct {
	Step     int    // the number of the step in the plan, from 1
	Text     string // the system call, as `rt plan` prints it
	Sentence string // its purpose
	Origin   string // the property of config.json that requires it; "" if none does
	Part     string // the heading of the step: "mounts"
	Result   int64  // of the system call; the negated errno if it failed
	Start    int64  // nanoseconds of CLOCK_MONOTONIC
	End      int64
	Pid      int // of the boot process, in the pid namespace of the caller
}

// call begins a call of a method.
func (r *Runtime) call(ctx context.Context) *caller.Caller {
	return &caller.Caller{Context: ctx, Command: r.Command, Debug: r.Debug}
}

// resultOf returns the Result and the error of a method.
func resultOf(caller *caller.Caller, status int, err error) (Result, error) {
	err = caller.Explain(err)
	return Result{Pid: caller.Pid, Status: status, EndReason: caller.EndReason, Warnings: caller.Warnings}, err
}

// settings returns the settings for package creation. They are of a copy: the caller may change a field at any time.
func (r *Runtime) settings() *creation.Settings {
	own := *r
	return &creation.Settings{
		Root: own.rootPath, SystemdCgroup: own.SystemdCgroup, NoCgroup: own.NoCgroup, Rootless: own.Rootless,
		Resctrl: own.resctrlRoot, Edit: own.edit,
	}
}

// tracer returns the Trace of a session, which calls report with an event for each executed step. Without report it
// returns nil.
func tracer(report func(TraceEvent)) creation.Tracer {
	if report == nil {
		return nil
	}
	return func(p *plan.Plan, pid *int) func(*nsenter.Step, nsenter.Record) {
		return func(step *nsenter.Step, record nsenter.Record) {
			e := TraceEvent{
				Step: int(step.Number), Result: record.Value, Start: record.Start, End: record.End, Pid: *pid,
			}
			plain := p.Plain()
			i := e.Step - 1
			s := &plain.Steps[i]
			e.Text, e.Sentence, e.Origin, e.Part = plain.Text(i), s.Sentence, s.Origin, plain.Part(i)
			report(e)
		}
	}
}

// root opens the state directory. Cancelling the call ends a wait for a lock in it.
func (r *Runtime) root(caller *caller.Caller) (*state.Root, error) {
	path, err := r.rootPath()
	if err != nil {
		return nil, err
	}
	root, err := state.OpenRoot(path, false)
	if err != nil {
		return nil, err
	}
	root.Cancelled = caller.Cancelled
	return root, nil
}

// rootPath returns the absolute path of the state directory.
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

// resctrlRoot returns the mount point of resctrl.
func (r *Runtime) resctrlRoot() (string, error) {
	if r.resctrl != "" {
		return r.resctrl, nil
	}
	return rdt.Mounted()
}

// RunHelper is for the first line of a main function, with os.Args. If a call of this library has started this process
// as its helper, RunHelper does the helper's work and returns true, and the program must end:
//
//	func main() {
//		if libcontainer.RunHelper(os.Args) {
//			return
//		}
//		...
//
// A helper is another process of the program, from /proc/self/exe. It accesses file systems of a container that may
// never answer, such as NFS or FUSE: a process that waits for them can be abandoned, but a thread can't. In programs
// that don't call RunHelper a thread does this work, and remains if it gets no answer.
func RunHelper(args []string) bool { return rootfs.RunHelper(args) }
