package docs

import (
	"regexp"
	"strings"
	"testing"
)

// The files that engines.md shows are those of packaging, without their comments.
func TestEnginesShowsTheFiles(t *testing.T) {
	text := read(t, "engines.md")
	files := regexp.MustCompile(`(?m)^    # (packaging/\S+\w)\S*( .*)?\n((?:    .*\n|\n)+)`).FindAllStringSubmatch(text,
		-1)
	if len(files) < 6 {
		t.Fatalf("found %d files: has their form changed?", len(files))
	}
	for _, f := range files {
		want := strings.Join(plainLines(read(t, "../"+f[1])), "\n")
		if got := strings.Join(plainLines(strings.ReplaceAll(f[3], "\n    ", "\n")), "\n"); got != want {
			t.Errorf("%s is shown as\n%s\nand has\n%s", f[1], got, want)
		}
	}
}

// plainLines are the lines that are neither comments nor empty.
func plainLines(text string) (lines []string) {
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "#") {
			lines = append(lines, line)
		}
	}
	return lines
}
