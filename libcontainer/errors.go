package libcontainer

import "rt/internal/diag"

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
	Kernel   = diag.Kernel   // a system call was refused
	Usage    = diag.Usage    // the options make no sense
	Document = diag.Document // config.json or another document makes no sense
	Host     = diag.Host     // the machine lacks something
	State    = diag.State    // the container is in the wrong status for the call
	Absent   = diag.Absent   // there is no such container
)
