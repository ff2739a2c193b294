package cli

import (
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"rt/libcontainer"
	"rt/libcontainer/diag"
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
	log     log
}

// The exit statuses of rt. A program that runs in the foreground has its own, or 128 and the number of the signal that ended it.
const (
	exitFailure = 1
	exitUnknown = 3 // as runc: there is no such command
)

// Main is rt: it runs the command line args, whose first is the name rt was called by, and returns the exit status.
func Main(args []string, stdout, stderr *os.File) int {
	c := &Call{Stdout: stdout, Stderr: stderr, program: program(args)}
	c.log = log{program: c.program, stderr: stderr, terminal: func() bool { return terminal(stderr) }}
	c.Colour = os.Getenv("NO_COLOR") == "" && terminal(stdout) // https://no-color.org
	return c.main(args)
}

// main finds out what is to be done, and does it.
func (c *Call) main(args []string) int {
	if len(args) > 0 {
		args = args[1:]
	}
	var g globals
	rest, err := parse(args, true, g.flags())
	switch {
	case err == errHelp:
		return c.print(appendGlobalHelp(nil, c.program))
	case err != nil:
		c.print(appendGlobalHelp(nil, c.program))
		return c.fail(&g, err)
	case g.version:
		return c.print(appendVersion(nil, c.program))
	case len(rest) == 0, rest[0] == "help" && len(rest) == 1:
		return c.print(appendGlobalHelp(nil, c.program))
	}
	name, rest := rest[0], rest[1:]
	if name == "help" {
		name, rest = rest[0], []string{"--help"}
	}
	command := find(name)
	if command == nil {
		c.fail(&g, unknownCommand(c.program, name))
		return exitUnknown
	}
	c.Args, err = parse(rest, command.InOrder, command.Flags, g.flags())
	if err == nil {
		err = checkArgs(command, c.Args)
	}
	switch {
	case err == errHelp:
		return c.print(appendHelp(nil, c.program, command))
	case err != nil:
		c.print(appendHelp(nil, c.program, command))
		return c.fail(&g, err)
	}
	if err = g.apply(c); err == nil {
		err = command.Action(c)
	}
	if err != nil {
		return max(c.fail(&g, err), command.Fail)
	}
	c.log.warnings(c.Runtime.Warnings)
	return c.Status
}

// print writes to stdout; it is the last thing that a command does.
func (c *Call) print(text []byte) int {
	if _, err := c.Stdout.Write(text); err != nil {
		return exitFailure
	}
	return 0
}

// fail reports an error, with the warnings that were held back until now.
func (c *Call) fail(g *globals, err error) int {
	// The options may not have been understood, and the log is wanted all the same: that is where engines look.
	c.log.path, c.log.json = g.log, g.logFormat == "json"
	c.log.failure(err, c.Runtime.Warnings)
	return exitFailure
}

// unknownCommand is the error for a command that rt does not have.
func unknownCommand(program, name string) error {
	return &diag.Error{
		Kind: diag.Usage, Problem: `"` + name + `" is not a command of ` + program, Hint: hintNearest(spec.Nearest(name, names())),
	}
}

// program is the name that rt goes by. Engines that look for "runc" and find rt there must be able to read its version: go-runc wants
// the words "runc version". buildkit looks for buildkit-runc first.
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
