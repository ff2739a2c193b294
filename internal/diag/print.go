package diag

import (
	"errors"
	"io"
	"strconv"
	"strings"
)

// Fprint writes err for a person at a terminal: the problem on the first line, then a line for each part that is known.
// An error of another type is one line.
func Fprint(w io.Writer, program string, err error) {
	var e *Error
	if !errors.As(err, &e) {
		_, _ = io.WriteString(w, program+": "+printableLines(err.Error())+"\n")
		return
	}
	var b strings.Builder
	for _, one := range append([]*Error{e}, e.More...) {
		one.block(&b, program)
	}
	_, _ = io.WriteString(w, b.String())
}

// block appends the many-line form of e alone.
func (e *Error) block(b *strings.Builder, program string) {
	b.WriteString(program)
	b.WriteString(": ")
	// The first line is complete, since people quote only that one. The lines below repeat its parts, easier to find.
	head := *e
	head.Step, head.Hint = 0, ""
	var line strings.Builder
	head.line(&line)
	b.WriteString(printableLines(line.String()))
	b.WriteByte('\n')
	if e.Step != 0 {
		b.WriteString("  step   ")
		b.WriteString(strconv.Itoa(e.Step))
		if e.Text != "" {
			b.WriteString(": ")
			b.WriteString(Printable(e.Text))
		}
		b.WriteByte('\n')
	}
	if e.Hint != "" {
		b.WriteString("  hint   ")
		b.WriteString(Printable(e.Hint))
		b.WriteByte('\n')
	}
}
