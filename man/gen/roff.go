package main

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// roff is a manual page in the making, in the macros of man(7).
type roff struct{ strings.Builder }

func (r *roff) line(words ...string) {
	r.WriteString(strings.Join(words, " "))
	r.WriteByte('\n')
}

// title begins the page.
func (r *roff) title(name string) {
	r.line(`.\" Made by "make man" from the commands in cli/: edit those.`)
	r.line(".TH", strings.ToUpper(escape(name)), "8", `"" "rt"`, `"System administration"`)
	// Lines are not hyphenated: a broken option or path could not be copied.
	r.line(".nh")
}

func (r *roff) section(name string) { r.line(".SH", name) }

// text is a paragraph.
func (r *roff) text(s string) {
	r.line(".PP")
	r.line(guard(escape(s)))
}

func (r *roff) synopsis(command, rest string) { r.line(bold(command), italic(rest)) }

// item is a word and what it means.
func (r *roff) item(term, text string) { r.tagged(bold(term), text) }

// tagged is the same with a term that is roff already.
func (r *roff) tagged(term, text string) {
	r.line(".TP")
	r.line(term)
	r.line(guard(escape(text)))
}

// example is a sentence and a command line, which must stay as it is.
func (r *roff) example(text, command string) {
	r.text(text + ":")
	r.line(".PP\n.RS 4\n.nf")
	r.line(guard(escape("# " + command)))
	r.line(".fi\n.RE")
}

// transcript is a block of commands with their output.
func (r *roff) transcript(text string) {
	r.text("With its output:")
	r.line(".PP\n.RS 4\n.nf")
	for line := range strings.SplitSeq(text, "\n") {
		r.line(guard(escape(line)))
	}
	r.line(".fi\n.RE")
}

func bold(s string) string { return `\fB` + escape(s) + `\fR` }

func italic(s string) string { return `\fI` + escape(s) + `\fR` }

// escape makes s mean itself. A dash is the minus of the keyboard: what readers copy from a page must be what they can
// type.
func escape(s string) string {
	s = strings.NewReplacer(`\`, `\e`, `-`, `\-`, `'`, `\(aq`, "`", "\\`", `^`, `\(ha`, `~`, `\(ti`).Replace(s)
	var b strings.Builder
	for _, r := range s {
		if r < utf8.RuneSelf {
			b.WriteRune(r)
		} else { // groff(1) takes its input for Latin-1
			fmt.Fprintf(&b, `\[u%04X]`, r)
		}
	}
	return b.String()
}

// guard keeps a line from being taken for a macro.
func guard(s string) string {
	if strings.HasPrefix(s, ".") || strings.HasPrefix(s, "'") {
		return `\&` + s
	}
	return s
}
