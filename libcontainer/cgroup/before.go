package cgroup

import (
	"slices"
	"strings"

	"rt/internal/diag"
)

// before is what the files of some limits held.
type before []struct{ dir, file, text string }

// remember reads the files that the limits are written to, and those of other limits that may be lost on the way. One that can't be read is left out: it
// will not have been written either.
func (g *Group) remember() (b before) {
	seen := make(map[string]bool, len(g.limits.needs))
	add := func(controller, file string) {
		dir := g.dir(controller)
		if seen[file] || dir == "" {
			return
		}
		seen[file] = true
		if text, err := readFile(dir, file); err == nil {
			b = append(b, struct{ dir, file, text string }{dir, file, text})
		}
	}
	for _, n := range g.limits.needs {
		add(n.controller, n.file)
	}
	for _, l := range g.limitFiles() {
		add(l.controller, l.file)
	}
	return b
}

// writeLines writes what a file has held, line by line. The kernel's answer is seen in the file.
func writeLines(dir, file, text string) {
	if text == "\n" {
		_ = writeFile(dir, file, text)
		return
	}
	for line := range strings.Lines(text) {
		_ = writeFile(dir, file, strings.TrimSuffix(line, "\n"))
	}
}

// restore writes back what has changed, so that an update that fails changes nothing, and returns cause with the files where that has not worked. It goes
// over them twice: some values are bounded by others, such as memory.limit_in_bytes by memory.memsw.limit_in_bytes.
func (b before) restore(cause error) error {
	var left []string
	for range 2 {
		left = left[:0]
		for _, f := range slices.Backward(b) {
			if now, err := readFile(f.dir, f.file); err != nil || now == f.text {
				continue
			}
			writeLines(f.dir, f.file, f.text)
			if now, err := readFile(f.dir, f.file); err != nil || now != f.text {
				left = append(left, f.file)
			}
		}
	}
	if e, ok := cause.(*diag.Error); ok && len(left) > 0 { //nolint:errorlint // made by limitError
		e.Problem += " (" + strings.Join(left, ", ") + " could not be set back)"
	}
	return cause
}
