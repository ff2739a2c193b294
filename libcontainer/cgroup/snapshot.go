package cgroup

import (
	"slices"
	"strings"

	"rt/internal/diag"
)

// snapshot is the content of limit files before an update.
type snapshot []struct{ dir, file, text string }

// takeSnapshot reads the files that the limits are written to, and the files of other limits that an update may reset.
// A file that can't be read is left out: it can't have been written either.
func (g updater) takeSnapshot() (b snapshot) {
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
	for _, l := range g.table() {
		add(l.controller, l.file)
	}
	return b
}

// writeLines writes the earlier content of a file, line by line. Whether it took effect is read from the file.
func writeLines(dir, file, text string) {
	if text == "\n" {
		_ = writeFile(dir, file, text)
		return
	}
	for line := range strings.Lines(text) {
		_ = writeFile(dir, file, strings.TrimSuffix(line, "\n"))
	}
}

// restore writes back what has changed, so that a failed update changes nothing. It returns cause, with the names of
// the files that could not be restored. It makes two passes, since some values bound others:
// memory.memsw.limit_in_bytes bounds memory.limit_in_bytes.
func (b snapshot) restore(cause error) error {
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
		e.Problem += " (" + strings.Join(left, ", ") + " can't be restored)"
	}
	return cause
}
