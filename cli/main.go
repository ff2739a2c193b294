package cli

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"

	"github.com/urfave/cli/v3"
	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/libcontainer"
	"rt/spec"
)

// Call is a parsed command line.
type Call struct {
	Runtime libcontainer.Runtime
	Args    []string
	Stdout  io.Writer
	Stderr  io.Writer
	Colour  bool // Stdout is a terminal, and colours are wanted
	// Status is the exit status of rt on success: that of the container's process, for run in the foreground.
	Status int
	// Warnings are printed at the end, after a success or with the error.
	Warnings []string

	endReason string   // why the program has ended, if not by itself
	program   string   // the name rt was called by: "rt", or "runc" if it is installed as that
	width     int      // columns that help may take; 0 stands for 80
	terminal  *os.File // Stdout, if it is a terminal
	log       log
	libraries libraryLog
}

// The exit statuses of rt. A program that runs in the foreground has its own, or 128 and the number of the signal that
// ended it.
const (
	exitFailure = 1
	exitUnknown = 3 // as runc: there is no such command
)

// Main runs the command line args, whose first word is the name rt was called by, and returns the exit status.
func Main(args []string, stdout, stderr *os.File) int {
	if libcontainer.RunHelper(args) {
		return 0
	}
	c := &Call{Stdout: stdout, Stderr: stderr, program: program(args)}
	c.Runtime.Command = true
	c.libraries.listen()
	c.log = log{program: c.program, stderr: stderr, terminal: func() bool { return terminal(stderr) }}
	if terminal(stdout) {
		c.Colour = os.Getenv("NO_COLOR") == "" // https://no-color.org
		c.width, c.terminal = columns(stdout), stdout
	}
	return c.main(args)
}

// container returns the container that the first argument names.
func (c *Call) container() *libcontainer.Container { return c.Runtime.Container(c.Args[0]) }

// warnings are those of rt, and those of the libraries that it is made of.
func (c *Call) warnings() []string { return append(c.Warnings, c.libraries.warnings()...) }

// take records the result of a call of the library, and returns its error.
func (c *Call) take(r libcontainer.Result, err error) error {
	c.Status, c.endReason, c.Warnings = r.Status, r.EndReason, append(c.Warnings, r.Warnings...)
	return err
}

// main parses and runs the command line.
func (c *Call) main(args []string) int {
	out := &checkedWriter{w: c.Stdout}
	c.Stdout = out
	t, err := newTree(c, args[min(len(args), 1):]).parse()
	switch {
	case err != nil:
	case t.badValue != nil: // of a callback that can't return an error
		err = t.badValue
	case out.err != nil:
		err = &diag.Error{Kind: diag.Host, Problem: "standard output can't be written", Err: out.err}
	}
	if err != nil {
		return c.printError(t, err)
	}
	c.log.warnings(c.warnings())
	if c.endReason != "" && c.log.terminal() { // in a script standard error is the program's alone
		_, _ = io.WriteString(c.Stderr, c.program+": "+c.endReason+"\n")
	}
	return c.Status
}

// parse parses the command line, and runs it if it has no mistake. It returns the tree that it has used.
func (t *tree) parse() (*tree, error) {
	t.useHelp()
	err := t.root().Run(context.Background(), append([]string{t.call.program}, t.words...))
	if !t.misunderstood {
		return t, err
	}
	complete := newTree(t.call, t.words)
	complete.act, complete.all = t.act, true
	return complete.parse()
}

// printError prints an error, with the warnings of the command.
func (c *Call) printError(t *tree, err error) int {
	// If the options could not be parsed the log is needed all the same: engines read it.
	addFilterHint(err)
	c.log.path, c.log.json = t.globals.log, t.globals.logFormat == "json"
	c.log.failure(err, c.warnings())
	return t.fail
}

// addFilterHint adds to an error that the call may be denied by a seccomp filter around rt.
func addFilterHint(err error) {
	e, ok := errors.AsType[*diag.Error](err)
	if !ok {
		return
	}
	if hint := libcontainer.SeccompHint(e.Errno); hint != "" && e.Hint != "" {
		e.Hint += "; or " + hint
	} else if hint != "" {
		e.Hint = hint
	}
}

// unknownCommand is the error for a command that rt does not have.
func unknownCommand(program, name string) error {
	hint := hintNearest(spec.Nearest(name, names()))
	if hint == "" {
		hint = `see "` + program + ` --help"`
	}
	return &diag.Error{Kind: diag.Usage, Problem: `"` + name + `" is not a command of ` + program, Hint: hint}
}

// program returns the name that rt was called by. If rt is installed as runc, engines parse its version: go-runc
// expects "runc version", buildkit looks for buildkit-runc first.
func program(args []string) string {
	if len(args) > 0 && strings.HasSuffix(args[0], "runc") {
		return "runc"
	}
	return "rt"
}

// terminal reports whether f is one.
func terminal(f *os.File) bool {
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}

// checkedWriter remembers the first error of a writer: help that could not be printed is not a success.
type checkedWriter struct {
	w   io.Writer
	err error
}

func (c *checkedWriter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	if err != nil && c.err == nil {
		c.err = err
	}
	return n, err
}

// useHelp makes urfave/cli print help in rt's format and in the width of the terminal.
func (t *tree) useHelp() {
	cli.UsageCommandHelp = "list the commands, or print the help of one"
	cli.FlagStringer = func(cli.Flag) string { return "--help, -h\nprint this help" } // the only option not of rt's
	width := t.call.helpWidth()
	cli.HelpPrinter = func(w io.Writer, template string, data any) {
		cli.HelpPrinterCustom(w, template, data, map[string]any{"wrapAt": func() int { return width }})
	}
}
