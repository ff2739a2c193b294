// Package diag has rt's error type, the table of hints, and two printers.
//
// It turns what is known where something failed (the config field, the step of the plan, the system call, the errno)
// into one line for programs and a short block for people. Both sides of rt use it: the checks of the spec, and the
// supervisor that maps a record of the boot process to its step. It decides nothing and logs nothing.
package diag

import (
	"errors"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Kind says who can fix the cause of an error. It alone decides the exit code (see cli).
type Kind uint8

const (
	// Kernel is the zero Kind: a system call was refused.
	Kernel Kind = iota
	// Usage is a command line that makes no sense.
	Usage
	// Document is a config.json, a process.json or a profile that makes no sense.
	Document
	// Host is a machine that lacks something: a program, a kernel feature, a right.
	Host
	// State is a container that is in the wrong state for the command.
	State
	// Absent is a container that does not exist.
	Absent
)

// Error is the only error type of rt. Every part is optional but Problem or Errno.
//
// The zero Errno means that no system call was involved; Unwrap then returns Err, which may be nil.
type Error struct {
	Kind    Kind
	Op      string     // what the user asked for: "create web1"; or the document: "config.json"
	Line    int        // of the field in the document, from 1; 0 if it is not known
	Column  int        // in characters, from 1
	Field   string     // where in the document: "mounts[3].destination"
	Value   string     // the value found there
	Problem string     // a clause about the user's container, without "failed to"
	Step    int        // the step of the plan, from 1; 0 if no step failed
	Text    string     // the step as `rt plan` prints it
	Call    string     // the system call: "mkdirat"
	Errno   unix.Errno // what it answered
	Hint    string     // one sentence that is likely true on this host
	Err     error      // the cause, if it is not an errno
	More    []*Error   // further problems of the same kind: a check reports all it found
}

// Error returns the error on one line: field, value, problem, call, errno, step and hint. Engines show this line to
// their users and decide exit codes by words in it, so the text of the errno is always the kernel's.
func (e *Error) Error() string {
	var b strings.Builder
	e.line(&b)
	for _, m := range e.More {
		b.WriteString("; ")
		m.line(&b)
	}
	return b.String()
}

// line appends the one-line form of e alone.
func (e *Error) line(b *strings.Builder) {
	if e.Op != "" {
		b.WriteString(e.Op)
		if e.Line != 0 { // as compilers write it, so that editors jump there
			b.WriteString(":" + strconv.Itoa(e.Line) + ":" + strconv.Itoa(e.Column))
		}
		b.WriteString(": ")
	} else if e.Line != 0 {
		b.WriteString("line " + strconv.Itoa(e.Line) + ", column " + strconv.Itoa(e.Column) + ": ")
	}
	if e.Field != "" {
		b.WriteString(e.Field)
		if e.Value != "" {
			b.WriteByte(' ')
			b.WriteString(strconv.Quote(e.Value))
		}
		b.WriteString(": ")
	}
	sep := ""
	if e.Problem != "" {
		b.WriteString(e.Problem)
		sep = ": "
	}
	if e.Call != "" {
		b.WriteString(sep)
		b.WriteString(e.Call)
		b.WriteString("(2)")
		sep = ": "
	}
	if e.Errno != 0 {
		b.WriteString(sep)
		b.WriteString(ErrnoText(e.Errno))
		sep = ": "
	}
	if e.Err != nil {
		b.WriteString(sep)
		b.WriteString(e.Err.Error())
	}
	if e.Step != 0 {
		b.WriteString(" [step ")
		b.WriteString(strconv.Itoa(e.Step))
		b.WriteByte(']')
	}
	if e.Hint != "" {
		b.WriteString(" (hint: ")
		b.WriteString(e.Hint)
		b.WriteByte(')')
	}
}

// Unwrap makes errors.Is(err, fs.ErrNotExist) and errors.As work. A zero Errno in an interface is not nil, so it is
// tested for.
func (e *Error) Unwrap() error {
	if e.Errno != 0 {
		return e.Errno
	}
	return e.Err
}

// ErrnoText returns the text and the name of an errno: "read-only file system (EROFS)".
func ErrnoText(errno unix.Errno) string {
	name := unix.ErrnoName(errno)
	if name == "" {
		return "errno " + strconv.Itoa(int(errno))
	}
	return errno.Error() + " (" + name + ")"
}

// At returns an error of the document: the field, what is wrong with it and what would be right.
func At(field, problem string) *Error {
	return &Error{Kind: Document, Field: field, Problem: problem}
}

// Starved reports whether an error is that rt, or the whole machine, has no descriptor or memory left for a call. It
// says nothing about what the call was to find out.
func Starved(err error) bool {
	return errors.Is(err, unix.EMFILE) || errors.Is(err, unix.ENFILE) || errors.Is(err, unix.ENOMEM)
}

// Sys returns an error of a system call that rt itself made.
func Sys(problem, call string, err error) *Error {
	e := &Error{Kind: Kernel, Problem: problem}
	if errno, ok := err.(unix.Errno); ok { //nolint:errorlint // syscalls return bare errnos
		e.Call, e.Errno = call, errno
	} else {
		e.Err = err
	}
	return e
}

// SysWithin is Sys for a call that another process makes, and that is given up after some time with ETIMEDOUT, for
// which hint says what to do. An Error stays as it is.
func SysWithin(problem, call string, err error, hint string) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	e := Sys(problem, call, err)
	if e.Errno == unix.ETIMEDOUT {
		e.Hint = hint
	}
	return e
}
