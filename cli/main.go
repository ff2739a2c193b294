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
	"rt/libcontainer/host"
	"rt/spec"
)

// Call is a command line that has been understood.
type Call struct {
	Runtime libcontainer.Runtime
	Args    []string
	Stdout  io.Writer
	Stderr  io.Writer
	Colour  bool // Stdout is a terminal, and colours are wanted
	// Status is what rt exits with after a success: that of the container's process, for run in the foreground.
	Status int

	program string // the name rt goes by: "rt", or "runc" where it was put in the place of that
	width   int    // columns that help may take; 0 stands for 80
	log     log
}

// The exit statuses of rt. A program that runs in the foreground has its own, or 128 and the number of the signal that
// ended it.
const (
	exitFailure = 1
	exitUnknown = 3 // as runc: there is no such command
)

// Main is rt: it runs the command line args, whose first is the name rt was called by, and returns the exit status.
func Main(args []string, stdout, stderr *os.File) int {
	c := &Call{Stdout: stdout, Stderr: stderr, program: program(args)}
	c.log = log{program: c.program, stderr: stderr, terminal: func() bool { return terminal(stderr) }}
	if terminal(stdout) {
		c.Colour = os.Getenv("NO_COLOR") == "" // https://no-color.org
		c.width = columns(stdout)
	}
	return c.main(args)
}

// main finds out what is to be done, and does it.
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
		return c.failed(t, err)
	}
	c.log.warnings(c.Runtime.Warnings)
	return c.Status
}

// parse reads the command line, and does what it asks for if there is no mistake in it. It returns the tree that has done so.
func (t *tree) parse() (*tree, error) {
	t.useHelp()
	err := t.root().Run(context.Background(), append([]string{t.call.program}, t.words...))
	if !t.misunderstood {
		return t, err
	}
	whole := newTree(t.call, t.words)
	whole.act, whole.all = t.act, true
	return whole.parse()
}

// failed reports an error, with the warnings that were held back until now.
func (c *Call) failed(t *tree, err error) int {
	// The options may not have been understood, and the log is wanted all the same: that is where engines look.
	addFilterHint(err)
	c.log.path, c.log.json = t.globals.log, t.globals.logFormat == "json"
	c.log.failure(err, c.Runtime.Warnings)
	return t.fail
}

// addFilterHint adds to an error that the call may be denied by a seccomp filter around rt.
func addFilterHint(err error) {
	e, ok := errors.AsType[*diag.Error](err)
	if !ok {
		return
	}
	if hint := host.FilterHint(e.Errno); hint != "" && e.Hint != "" {
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

// program is the name that rt goes by. Engines that look for "runc" and find rt there must be able to read its version:
// go-runc wants the words "runc version". buildkit looks for buildkit-runc first.
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

// useHelp makes urfave/cli print help within the width of the terminal, and in rt's words.
func (t *tree) useHelp() {
	cli.UsageCommandHelp = "list the commands, or print the help of one"
	cli.FlagStringer = func(cli.Flag) string { return "--help, -h\nprint this help" } // the only option not of rt's
	width := t.call.helpWidth()
	cli.HelpPrinter = func(w io.Writer, template string, data any) {
		cli.HelpPrinterCustom(w, template, data, map[string]any{"wrapAt": func() int { return width }})
	}
}
