package cli

import (
	"bytes"
	"os"
	"os/exec"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
)

// colourFlag is the option of commands that print with colours.
func colourFlag(to *string) Flag {
	return Flag{
		Name: "color", Value: "WHEN", To: to, Complete: oneOf("auto", "always", "never"),
		Usage: "colours: always, never or auto, on a terminal unless NO_COLOR is set (default: auto)",
	}
}

// chooseColour applies the value of --color.
func (c *Call) chooseColour(when string) error {
	switch when {
	case "auto":
	case "always":
		c.Colour = true
	case "never":
		c.Colour = false
	default:
		return &diag.Error{Kind: diag.Usage, Field: "--color", Value: when, Problem: "must be auto, always or never"}
	}
	return nil
}

// page prints a text: on a terminal that is too short for it with a pager, as git does.
func (c *Call) page(text []byte, never bool) error {
	pager := pagerCommand()
	if never || c.terminal == nil || pager == "" || bytes.Count(text, []byte("\n")) < c.height() {
		_, err := c.Stdout.Write(text)
		return err
	}
	// It is the user's own pager, with the user's rights.
	p := exec.Command("/bin/sh", "-c", pager)
	p.Stdin, p.Stdout, p.Stderr = bytes.NewReader(text), c.terminal, os.Stderr
	p.Env = os.Environ()
	if _, ok := os.LookupEnv("LESS"); !ok {
		p.Env = append(p.Env, "LESS=FRX") // as git: quit if it fits, show colours, leave the screen alone
	}
	const notFound = 127 // sh(1)
	if err := p.Run(); err != nil && (p.ProcessState == nil || p.ProcessState.ExitCode() == notFound) {
		_, err := c.Stdout.Write(text)
		return err
	}
	return nil
}

// pagerCommand returns the command of the user's pager, "" for none.
func pagerCommand() string {
	for _, name := range []string{"RT_PAGER", "PAGER"} {
		if command, ok := os.LookupEnv(name); ok {
			if command == "cat" {
				return ""
			}
			return command
		}
	}
	return "less"
}

// height returns the lines of the terminal.
func (c *Call) height() int {
	size, err := unix.IoctlGetWinsize(int(c.terminal.Fd()), unix.TIOCGWINSZ)
	if err != nil || size.Row == 0 {
		return 1 << 30
	}
	return int(size.Row)
}
