package cli

import (
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// The least and greatest width of help, in columns.
const (
	minHelpWidth     = 40
	maxHelpWidth     = 100
	defaultHelpWidth = 80
)

// Summary describes rt in a line.
const Summary = "run containers according to the OCI runtime specification"

// GlobalFlags are the options that every command takes.
func GlobalFlags() []Flag { return new(globals).flags() }

// columns returns the width of a terminal; 0 if it is unknown.
func columns(f *os.File) int {
	size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return 0
	}
	return int(size.Col)
}

// helpWidth returns the width of help, in columns.
func (c *Call) helpWidth() int {
	if c.width == 0 {
		return defaultHelpWidth
	}
	return min(max(c.width, minHelpWidth), maxHelpWidth)
}

// help returns the help of a command after its name and synopsis: paragraphs and examples. Lines are wrapped when they
// are printed.
func (c *Command) help() string {
	parts := append([]string(nil), c.Description...)
	for i, e := range c.Examples {
		if e.IsTranscript() {
			continue
		}
		text := e.Text + ":\n   # " + e.Term
		if i == 0 {
			text = "Examples:\n\n" + text
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, "\n\n")
}

// appendWrapped appends a paragraph whose first line starts at column indent, and ends it.
func appendWrapped(dst []byte, text string, indent int) []byte {
	column := indent
	for i, word := range strings.Fields(text) {
		switch {
		case i == 0:
		case column+1+len(word) > maxHelpWidth:
			dst = append(append(dst, '\n'), strings.Repeat(" ", indent)...)
			column = indent
		default:
			dst = append(dst, ' ')
			column++
		}
		dst = append(dst, word...)
		column += len(word)
	}
	return append(dst, '\n')
}
