package diag

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Printable returns text with every character that a terminal could act on, or that changes the order or the lines of
// what it shows, as an escape of Go: \x1b. Names, output and annotations of a container are in what rt prints.
func Printable(text string) string {
	at := 0
	for at < len(text) && text[at] >= ' ' && text[at] < 0x7f {
		at++
	}
	if at == len(text) {
		return text
	}
	out := append(make([]byte, 0, len(text)+16), text[:at]...)
	for at < len(text) {
		r, n := utf8.DecodeRuneInString(text[at:])
		switch {
		case r == utf8.RuneError && n == 1:
			out = append(out, `\x`...)
			out = append(out, "0123456789abcdef"[text[at]>>4], "0123456789abcdef"[text[at]&15])
		case unicode.IsControl(r), unicode.In(r, unicode.Bidi_Control, unicode.Zl, unicode.Zp):
			quoted := strconv.QuoteRuneToASCII(r)
			out = append(out, quoted[1:len(quoted)-1]...)
		default:
			out = append(out, text[at:at+n]...)
		}
		at += n
	}
	return string(out)
}

// printableLines is Printable for a text of several lines.
func printableLines(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = Printable(line)
	}
	return strings.Join(lines, "\n")
}
