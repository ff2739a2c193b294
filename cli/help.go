package cli

import (
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// Help is never narrower or wider than these: a line of a few words reads no better than one across the whole screen.
const (
	minHelpWidth     = 40
	maxHelpWidth     = 100
	defaultHelpWidth = 80
)

// Summary is what rt is, in a line.
const Summary = "run containers as the OCI runtime specification describes them"

// GlobalFlags are the options that every command takes.
func GlobalFlags() []Flag { return new(globals).flags() }

// columns is the width of a terminal; 0 if it does not say.
func columns(f *os.File) int {
	size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return 0
	}
	return int(size.Col)
}

// helpWidth is where the lines of help end.
func (c *Call) helpWidth() int {
	if c.width == 0 {
		return defaultHelpWidth
	}
	return min(max(c.width, minHelpWidth), maxHelpWidth)
}

// help is what the help of a command says behind its name and synopsis: paragraphs, and examples. Lines are wrapped
// when they are printed.
func (c *Command) help() string {
	parts := append([]string(nil), c.Description...)
	for i, e := range c.Examples {
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
