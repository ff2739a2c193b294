package cli

import (
	"errors"
	"io"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/internal/jsonscan"
)

// log is rt's log. The file of --log is opened before the command runs, and a failure to open it is an error of the
// command line: engines read it for the reason of a failure.
//
// With --log it is a file that many calls share, so each entry is one write in append mode; otherwise it is standard
// error. An entry is a JSON object on a line of its own with level, msg and time, as containerd's shim
// (getLastRuntimeError), buildkit and podman read it; Podman parses the whole file as one object, so an error is the
// only entry of its command. Further members have the parts of an error.
type log struct {
	path     string
	json     bool
	program  string
	stderr   io.Writer
	terminal func() bool
	opened   bool
	fd       int
	broken   bool // it can't be opened, and that was reported
}

// failure prints the error of the command to the log and to standard error.
func (l *log) failure(err error, warnings []string) {
	if l.path != "" {
		if logErr := l.entry(l.appendError(nil, err, warnings)); logErr != nil {
			_, _ = io.WriteString(l.stderr, l.program+": "+logErr.Error()+"\n")
		}
	}
	switch {
	case l.path == "" && l.json:
		_, _ = l.stderr.Write(l.appendError(nil, err, warnings))
	case l.terminal():
		diag.Fprint(l.stderr, l.program, err)
		for _, w := range related(err, warnings) {
			_, _ = io.WriteString(l.stderr, "  warning: "+oneLine(w)+"\n")
		}
	default:
		// One line, for a conmon or a script that passes it on.
		_, _ = io.WriteString(l.stderr, l.program+": "+message(err, warnings)+"\n")
	}
}

// warnings logs the warnings after the command has succeeded.
func (l *log) warnings(lines []string) {
	for _, line := range lines {
		l.line("warning", line)
	}
}

// debug logs a line of --debug.
func (l *log) debug(line string) { l.line("debug", line) }

// line logs a line that is no error, to standard error if there is no log or it can't be opened.
func (l *log) line(level, text string) {
	entry := l.open(nil, level, text)
	if l.json {
		entry = append(entry, '}')
	}
	entry = append(entry, '\n')
	if l.path != "" && l.entry(entry) == nil {
		return
	}
	if !l.json {
		entry = []byte(l.program + ": " + level + ": " + oneLine(text) + "\n")
	}
	_, _ = l.stderr.Write(entry)
}

// entry appends to the file.
func (l *log) entry(b []byte) error {
	if l.broken {
		return nil
	}
	if !l.opened {
		if err := l.openFile(); err != nil {
			return err
		}
	}
	return writeLog(l.fd, b)
}

// open starts an entry with its level, its message and its time.
func (l *log) open(dst []byte, level, msg string) []byte {
	now := time.Now().UTC().Truncate(time.Second).Format(time.RFC3339)
	if l.json {
		dst = append(append(append(dst, `{"level":"`...), level...), `","msg":`...)
		dst = jsonscan.AppendString(dst, msg)
		return append(append(append(dst, `,"time":"`...), now...), '"')
	}
	dst = append(append(append(dst, `time="`...), now...), `" level=`...)
	dst = append(append(dst, level...), " msg="...)
	return strconv.AppendQuote(dst, msg)
}

// appendError appends the entry of an error.
func (l *log) appendError(dst []byte, err error, warnings []string) []byte {
	dst = l.open(dst, "error", message(err, warnings))
	if l.json {
		if e, ok := errors.AsType[*diag.Error](err); ok {
			dst = appendParts(dst, e)
		}
		if len(warnings) > 0 {
			dst = append(dst, `,"warnings":[`...)
			for i, w := range warnings {
				if i > 0 {
					dst = append(dst, ',')
				}
				dst = jsonscan.AppendString(dst, w)
			}
			dst = append(dst, ']')
		}
		dst = append(dst, '}')
	}
	return append(dst, '\n')
}

// appendParts appends what is known of an error as members of its entry.
func appendParts(dst []byte, e *diag.Error) []byte {
	dst = appendMember(dst, "kind", kinds[e.Kind])
	dst = appendMember(dst, "op", e.Op)
	dst = appendNumber(dst, "line", e.Line)
	dst = appendNumber(dst, "column", e.Column)
	dst = appendMember(dst, "field", e.Field)
	dst = appendMember(dst, "value", e.Value)
	dst = appendMember(dst, "problem", e.Problem)
	dst = appendNumber(dst, "step", e.Step)
	dst = appendMember(dst, "text", e.Text)
	dst = appendMember(dst, "call", e.Call)
	if e.Errno != 0 {
		dst = appendMember(dst, "errno", unix.ErrnoName(e.Errno))
	}
	dst = appendMember(dst, "hint", e.Hint)
	if len(e.More) == 0 {
		return dst
	}
	dst = append(dst, `,"more":[`...)
	for i, m := range e.More {
		if i > 0 {
			dst = append(dst, ',')
		}
		at := len(dst)
		dst = appendParts(dst, m)
		dst[at] = '{' // instead of the comma before the first member, which is always there: kind
		dst = append(dst, '}')
	}
	return append(dst, ']')
}

// appendMember appends a member that has a value.
func appendMember(dst []byte, name, value string) []byte {
	if value == "" {
		return dst
	}
	dst = append(append(append(dst, ',', '"'), name...), '"', ':')
	return jsonscan.AppendString(dst, value)
}

// appendNumber appends a member that is a number other than 0.
func appendNumber(dst []byte, name string, value int) []byte {
	if value == 0 {
		return dst
	}
	return strconv.AppendInt(append(append(append(dst, ',', '"'), name...), '"', ':'), int64(value), 10)
}

// kinds are the words for diag.Kind in the log.
var kinds = [...]string{
	diag.Kernel: "kernel", diag.Usage: "usage", diag.Document: "document", diag.Host: "host", diag.State: "state",
	diag.Absent: "absent",
}

// related returns the warnings that may have to do with an error: those about capabilities, which an unprivileged rt
// has for every container, only if the error is about rights or the program. The member "warnings" of an entry has all.
func related(err error, warnings []string) []string {
	const about = "process.capabilities"
	if e, ok := errors.AsType[*diag.Error](err); !ok || strings.HasPrefix(e.Field, about) || e.Errno == unix.EPERM ||
		e.Errno == unix.EACCES {
		return warnings
	}
	var rest []string
	for _, w := range warnings {
		if !strings.HasPrefix(w, about) {
			rest = append(rest, w)
		}
	}
	return rest
}

// message returns an error on one line, with the warnings of the command.
func message(err error, warnings []string) string {
	var b strings.Builder
	b.WriteString(err.Error())
	for _, w := range related(err, warnings) {
		b.WriteString(" (warning: ")
		b.WriteString(w)
		b.WriteByte(')')
	}
	return oneLine(b.String())
}

// oneLine joins lines: the output of a hook or a library may have several. It escapes other control characters, which
// may come from a container.
func oneLine(s string) string {
	return diag.Printable(strings.ReplaceAll(strings.TrimRight(s, "\n"), "\n", " | "))
}
