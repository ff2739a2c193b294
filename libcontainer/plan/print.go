package plan

import (
	"slices"
	"strconv"
	"strings"

	"rt/internal/diag"
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
	return p.AppendView(dst, &View{Colour: colour})
}

// printer appends to a text.
type printer struct {
	dst    []byte
	colour bool
	width  int // of the terminal in columns; 0 folds no lines
}

// write appends the parts as they are.
func (w *printer) write(parts ...string) {
	for _, s := range parts {
		w.dst = append(w.dst, s...)
	}
}

// writeColoured appends s in a colour.
func (w *printer) writeColoured(colour, s string) {
	if w.colour {
		w.write(colour, s, plain)
	} else {
		w.write(s)
	}
}

// writeComment appends the origin and the sentence of a line as its comment, and ends it. width is that of the line so
// far, column where comments start.
func (w *printer) writeComment(width, column int, origin, sentence string) {
	if origin == "" && sentence == "" {
		w.write("\n")
		return
	}
	origin, sentence = diag.Printable(origin), diag.Printable(sentence) // they have words of the config
	const margin, before = 6, 4                                         // what precedes the call, and the comment
	if used := margin + max(width, column) + before; w.width > 0 && used+len(origin)+2+len(sentence) > w.width {
		w.writeFoldedComment(origin, sentence)
		return
	}
	w.write(strings.Repeat(" ", max(0, column-width)))
	w.writeColoured(dim, "  # ")
	if origin != "" {
		w.writeColoured(cyan, origin)
		if sentence != "" {
			w.writeColoured(dim, ": ")
		}
	}
	w.writeColoured(dim, sentence)
	w.write("\n")
}

// writeFoldedComment appends the origin and the sentence of a line on lines of their own.
func (w *printer) writeFoldedComment(origin, sentence string) {
	const indent = "          # "
	if origin != "" && sentence != "" {
		origin += ": "
	}
	for i, line := range fold(sentence, len(origin), w.width-len(indent)) {
		w.write("\n")
		w.writeColoured(dim, indent)
		if i == 0 && origin != "" {
			w.writeColoured(cyan, origin)
		}
		w.writeColoured(dim, line)
	}
	w.write("\n")
}

// writeCall appends a call, folded if it is wider than the terminal, and returns the width of its last line.
func (w *printer) writeCall(call string) int {
	const margin, indent = 6, "          "
	if w.width == 0 || margin+len(call) <= w.width {
		w.write(call)
		return len(call)
	}
	lines := fold(call, 0, w.width-len(indent))
	w.write(strings.Join(lines, "\n"+indent))
	return w.width // so that the comment goes to the next line
}

// fileSentences say what the kinds of files are for.
var fileSentences = [...]string{
	FileNamespace: "the namespace to join",
	FileTree:      "a detached clone of these mounts",
	FileCgroup:    "the container's cgroup, to clone into",
	FileJoin:      "a cgroup to join",
	FileStart:     "the socket that rt start connects to",
	FileSpare:     "a reserved number for descriptors that are passed to rt",
	FileMqueue:    "the message queues of the container's ipc namespace",
	FileNotify:    "the directory of the notify socket",
	FileDevice:    "a mount of a new node for this device",
	FileIDMap:     "a user namespace that maps the mount's ids",
	FilePidfd:     "the container's first process",
	FileBinary:    "a sealed copy of the host's program",
}

// writeFiles lists the descriptors that rt opens and passes.
func (w *printer) writeFiles(p *Plan) {
	w.writeColoured(bold, "rt opens")
	w.write("\n")
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
		w.write("      ", line)
		if i < len(p.Files) {
			w.writeComment(len(line), column, p.Files[i].Origin, fileSentences[p.Files[i].Kind])
		} else {
			w.writeComment(len(line), column, "", "the control channel: reports to rt, answers from rt")
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

// writeStart appends how rt starts the boot process.
func (w *printer) writeStart(p *Plan) {
	w.write("\n")
	w.writeColoured(bold, "rt starts the boot process")
	w.write("\n")
	for _, line := range startLines(p) {
		w.write("      ", line, "\n")
	}
}

// startLines returns how the boot process is started, a line for each property of the clone.
func startLines(p *Plan) []string {
	var lines []string
	if p.CloneFlags != 0 {
		lines = append(lines, "in new namespaces: "+nsenter.CloneFlags.Format(uint64(p.CloneFlags)))
	}
	if p.IntoCgroup {
		lines = append(lines, "into the container's cgroup: CLONE_INTO_CGROUP")
	}
	if p.TwoStage {
		lines = append(lines, "which clones the container's process in a step, and exits")
	}
	if lines == nil {
		lines = []string{"as an ordinary child"}
	}
	return lines
}

// writePart appends those of the steps from begin to end that are shown, under the heading that they share.
func (w *printer) writePart(p *Plan, begin, end int, keep []bool) {
	if !slices.Contains(keep[begin:end], true) {
		return
	}
	if len(w.dst) > 0 {
		w.write("\n")
	}
	w.writeColoured(bold, p.Part(begin))
	w.write("\n")
	calls := make([]string, end-begin)
	for i := range calls {
		if keep[begin+i] {
			calls[i] = p.Text(begin + i)
		}
	}
	column := widest(calls)
	for i, call := range calls {
		if !keep[begin+i] {
			continue
		}
		s := &p.Steps[begin+i]
		number := strconv.Itoa(int(s.Number))
		w.write(strings.Repeat(" ", max(0, 4-len(number))))
		w.writeColoured(dim, number)
		w.write("  ")
		w.writeComment(w.writeCall(call), column, s.Origin, s.Sentence)
		for _, does := range s.Does() {
			w.write("      ")
			w.writeColoured(yellow, "rt: "+diag.Printable(does))
			w.write("\n")
		}
		if s.Sync != nil && len(s.Does()) == 0 {
			w.write("      ")
			w.writeColoured(yellow, "rt: record it, without an answer")
			w.write("\n")
		}
	}
}
