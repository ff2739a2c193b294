package diag

import (
	"bytes"
	"unicode/utf8"
)

// OneLine returns the output of a program as one line, for the problem of an error: it joins the lines, and drops
// control characters and what is not UTF-8.
func OneLine(b []byte) string {
	var line []byte
	for part := range bytes.SplitSeq(b, []byte{'\n'}) {
		part = bytes.TrimSpace(part)
		if len(part) == 0 {
			continue
		}
		if len(line) > 0 {
			line = append(line, " | "...)
		}
		for len(part) > 0 {
			r, n := utf8.DecodeRune(part)
			part = part[n:]
			switch {
			case r == utf8.RuneError && n == 1: // a byte of a rune that was cut in two, or not text at all
			case r == '\t':
				line = append(line, ' ')
			case r < ' ' || r == 0x7f:
			default:
				line = utf8.AppendRune(line, r)
			}
		}
	}
	return string(line)
}
