package plan

import (
	"strconv"
	"strings"

	"rt/nsenter"
)

// The colours of a terminal (ECMA-48, SGR).
const (
	bold   = "\x1b[1m"
	dim    = "\x1b[2m"
	cyan   = "\x1b[36m"
	yellow = "\x1b[33m"
	plain  = "\x1b[m"
)

// callWidth is how far the longest call of a part moves the comments of that part to the right; longer calls move only
// their own.
const callWidth = 76

// AppendText appends the plan as `rt plan` shows it: what rt opens, how the boot process is cloned, then the steps
// under the heading of their part, numbered, each as strace(1) would show it, with the field of the config it serves
// and a sentence. Below a sync point are the lines of the other column: what rt does while the boot process waits.
func (p *Plan) AppendText(dst []byte, colour bool) []byte {
	w := printer{dst: dst, colour: colour}
	w.files(p)
	w.birth(p)
	for i := 0; i < len(p.Steps); {
		end := i + 1
		for end < len(p.Steps) && p.Steps[end].Part == p.Steps[i].Part {
			end++
		}
		w.part(p, i, end)
		i = end
	}
	return w.dst
}

// printer is a text that grows.
type printer struct {
	dst    []byte
	colour bool
}

func (w *printer) text(parts ...string) {
	for _, s := range parts {
		w.dst = append(w.dst, s...)
	}
}

// in appends s in a colour.
func (w *printer) in(colour, s string) {
	if w.colour {
		w.text(colour, s, plain)
	} else {
		w.text(s)
	}
}

// remark appends the origin and the sentence of a line, and ends it. width is that of the line so far, column where
// remarks start.
func (w *printer) remark(width, column int, origin, sentence string) {
	if origin == "" && sentence == "" {
		w.text("\n")
		return
	}
	w.text(strings.Repeat(" ", max(0, column-width)))
	w.in(dim, "  # ")
	if origin != "" {
		w.in(cyan, origin)
		if sentence != "" {
			w.in(dim, ": ")
		}
	}
	w.in(dim, sentence)
	w.text("\n")
}

// fileSentences say what the kinds of files are for.
var fileSentences = [...]string{
	FileNamespace: "the namespace to join",
	FileTree:      "a detached copy of these mounts",
	FileCgroup:    "the container's cgroup, to clone into",
	FileJoin:      "a cgroup to enter",
	FileStart:     "the socket that rt start connects to",
	FileSpare:     "a number for what is handed to rt",
	FileMqueue:    "the message queues of the container's ipc namespace",
	FileNotify:    "the directory of the notify socket",
	FileIDMap:     "a user namespace that maps the mount's ids",
	FilePidfd:     "the container's first process",
	FileBinary:    "a sealed copy of the host's program",
}

// files lists the descriptors that rt opens and hands over.
func (w *printer) files(p *Plan) {
	w.in(bold, "rt opens")
	w.text("\n")
	lines := make([]string, len(p.Files)+1)
	for i := range p.Files {
		lines[i] = "$" + p.FDs[i]
		if path := p.Files[i].Path; path != "" {
			lines[i] += " = " + strconv.Quote(path)
		}
	}
	lines[len(p.Files)] = "$" + p.FDs[p.Ctl]
	column := widest(lines)
	for i, line := range lines {
		w.text("      ", line)
		if i < len(p.Files) {
			w.remark(len(line), column, p.Files[i].Origin, fileSentences[p.Files[i].Kind])
		} else {
			w.remark(len(line), column, "", "the control channel: reports to rt, and its answers")
		}
	}
}

// widest returns the width of the widest line that is not too wide.
func widest(lines []string) int {
	column := 0
	for _, line := range lines {
		if n := len(line); n <= callWidth {
			column = max(column, n)
		}
	}
	return column
}

// birth tells how the boot process comes to be.
func (w *printer) birth(p *Plan) {
	w.text("\n")
	w.in(bold, "rt starts the boot process")
	w.text("\n")
	for _, line := range birth(p) {
		w.text("      ", line, "\n")
	}
}

// birth is what is special about the birth of the boot process.
func birth(p *Plan) []string {
	var lines []string
	if p.CloneFlags != 0 {
		lines = append(lines, "in new namespaces: "+nsenter.CloneFlags.Format(uint64(p.CloneFlags)))
	}
	if p.IntoCgroup {
		lines = append(lines, "in the container's cgroup: CLONE_INTO_CGROUP")
	}
	if p.TwoStage {
		lines = append(lines, "which makes the container's process by a step, and ends")
	}
	if lines == nil {
		lines = []string{"as an ordinary child"}
	}
	return lines
}

// part appends the steps from begin to end, which have a heading in common.
func (w *printer) part(p *Plan, begin, end int) {
	w.text("\n")
	w.in(bold, p.Part(begin))
	w.text("\n")
	calls := make([]string, end-begin)
	for i := range calls {
		calls[i] = p.Text(begin + i)
	}
	column := widest(calls)
	for i, call := range calls {
		s := &p.Steps[begin+i]
		number := strconv.Itoa(int(s.Number))
		w.text(strings.Repeat(" ", max(0, 4-len(number))))
		w.in(dim, number)
		w.text("  ", call)
		w.remark(len(call), column, s.Origin, s.Sentence)
		for _, does := range s.Does() {
			w.text("      ")
			w.in(yellow, "rt: "+does)
			w.text("\n")
		}
		if s.Sync != nil && len(s.Does()) == 0 {
			w.text("      ")
			w.in(yellow, "rt: notes it and goes on")
			w.text("\n")
		}
	}
}
