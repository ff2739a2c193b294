package cgroup

import (
	"slices"
	"strings"

	"rt/libcontainer/diag"
)

// before is what the files of some limits held.
type before []struct{ dir, file, text string }

// remember reads the files that the limits are written to. One that can't be read is left out: it will not have been written either.
func (g *Group) remember() (b before) {
	seen := make(map[string]bool, len(g.limits.needs))
	for _, n := range g.limits.needs {
		dir := g.dir(n.controller)
		if seen[n.file] || dir == "" {
			continue
		}
		seen[n.file] = true
		if text, err := readFile(dir, n.file); err == nil {
			b = append(b, struct{ dir, file, text string }{dir, n.file, text})
		}
	}
	return b
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
			for line := range strings.Lines(f.text) {
				// The kernel's answer is seen in the file.
				_ = writeFile(f.dir, f.file, strings.TrimSuffix(line, "\n"))
			}
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
