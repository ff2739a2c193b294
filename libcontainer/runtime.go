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

// Runtime makes containers and finds them again. The zero value has the settings of rt without options. A Runtime may
// be used by several goroutines at once, as long as none of them changes its fields; a call uses the fields as they
// were when it began. Its methods make a container or are about many. Those of [Container] are about one.
type Runtime struct {
	Root          string // the state directory; "" is /run/rt for root, and $XDG_RUNTIME_DIR/rt for others
	SystemdCgroup bool   // let systemd make the cgroups
	NoCgroup      bool   // make none
	// Rootless is "true" if this process can't expect the rights of the host's root, "false" if it can; "auto" and ""
	// let rt find out.
	Rootless string
	// Command is set by a program that does for one container what rt(8) does, and nothing else. It gives the whole
	// process to that container: in the foreground its signals are forwarded and it becomes a subreaper, a signal to
	// end undoes what is not complete, descriptors from 3 on become close-on-exec before hooks run, and the sockets of
	// its service manager (NOTIFY_SOCKET, LISTEN_FDS) go to the container. Without it no call changes the process or
	// reads these variables.
	Command bool
	// Debug gets a line for each thing that rt does; nil drops them. Calls at the same time call it at the same time.
	Debug func(line string)

	// edit changes a plan before it is executed. Only the tests of this package can set it, to fail one step of a plan
	// after the other: an error path that can't be reached in any other way is one that was never tried.
	edit func(*plan.Plan)
	// resctrl is where the resctrl file system is; "" finds it. Only tests set it, on machines that have none.
	resctrl string
}

// Result is what a call reports besides its error. Pid and Warnings may be set after an error too.
type Result struct {
	// Pid is the process of the container, or of Exec, in the pid namespace of the caller; 0 if there is none yet.
	// After a call in the foreground it has ended.
	Pid int
	// Status is the exit status of that process in the foreground: its own, or 128 and the number of the signal that
	// killed it.
	Status int
	// EndReason says in one sentence why the process of Run has ended, if the kernel or a limit has ended it.
	EndReason string
	// Warnings are one line each: what the runtime specification wants a warning for, and what could not be undone.
	Warnings []string
}

// Error is the type of all errors of this package: errors.As, or errors.AsType[*Error], finds it.
//
//	Kind     who can do something about it: see the constants
//	Field    the property of config.json, or the option of rt(8): "mounts[3].destination"
//	Value    the value found there
//	Problem  a clause that says what is wrong
//	Step     the number of the step that has failed, as `rt plan` prints it; 0 if none has
//	Text     that step, as `rt plan` prints it
//	Call     the system call: "openat2"
//	Errno    its errno, a [unix.Errno]; 0 without one. errors.Is finds it: errors.Is(err, unix.ENOENT)
//	Hint     one sentence that probably helps
//	Err      the cause, if that is not an errno. After a cancellation errors.Is finds context.Canceled here
//	More     further errors: a check reports all that it has found
type Error = diag.Error

// Kind says who can do something about an [Error].
type Kind = diag.Kind

// The kinds of errors.
const (
	Kernel      = diag.Kernel   // a system call was refused
	Usage       = diag.Usage    // the options make no sense
	Document    = diag.Document // config.json or another document makes no sense
	Host        = diag.Host     // the machine lacks something
	WrongStatus = diag.State    // the container is in another status than the call needs, or in use
	Absent      = diag.Absent   // there is no such container
)

// TraceEvent is one step that a boot process has executed.
type TraceEvent struct {
	Step                         int // as `rt plan` numbers it, from 1
	Text, Sentence, Origin, Part string
	Result                       int64 // of the system call; the errno negated
	Start, End                   int64 // nanoseconds of CLOCK_MONOTONIC
	Pid                          int
}

// call begins a call of a method.
func (r *Runtime) call(ctx context.Context) *caller.Caller {
	return &caller.Caller{Context: ctx, Command: r.Command, Debug: r.Debug}
}

// ended returns what a method with a Result returns.
func ended(by *caller.Caller, status int, err error) (Result, error) {
	err = by.Explain(err)
	return Result{Pid: by.Pid, Status: status, EndReason: by.EndReason, Warnings: by.Warnings}, err
}

// settings are those of the rooms below. They are the Runtime's own: the caller may change a field at any time.
func (r *Runtime) settings() *creation.Settings {
	own := *r
	return &creation.Settings{
		Root: own.rootPath, SystemdCgroup: own.SystemdCgroup, NoCgroup: own.NoCgroup, Rootless: own.Rootless,
		Resctrl: own.resctrlRoot, Edit: own.editor(),
	}
}

// editor returns what changes plans, or nil.
func (r *Runtime) editor() func(*plan.Plan) {
	if r.edit != nil {
		return r.edit
	}
	return nil
}

// tracer returns the Trace of a session, which passes what steps report of themselves to the caller.
func tracer(to func(TraceEvent)) func(*plan.Plan, *int) func(*nsenter.Step, nsenter.Record) {
	if to == nil {
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
			to(e)
		}
	}
}

// root opens the state directory. A wait for a lock in it ends if the call is cancelled.
func (r *Runtime) root(by *caller.Caller) (*state.Root, error) {
	path, err := r.rootPath()
	if err != nil {
		return nil, err
	}
	root, err := state.OpenRoot(path, false)
	if err != nil {
		return nil, err
	}
	root.Cancelled = by.Cancelled
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

// resctrlRoot returns the directory where resctrl is mounted.
func (r *Runtime) resctrlRoot() (string, error) {
	if r.resctrl != "" {
		return r.resctrl, nil
	}
	return rdt.Mounted()
}

// Help is for the first line of a main function: it reports whether this process is a helper that a call of this
// library has started, and has done its work; then the program is to end. args is os.Args.
//
// A helper is the program once more, in /proc/self/exe. It works where the file system of a container may never
// answer, which a process can be given up for and a thread can't. Without a call of Help such work is done by a
// thread of the program, which stays behind if it gets no answer.
func Help(args []string) bool { return rootfs.Help(args) }
