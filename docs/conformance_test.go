package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// programsOfSuite are the validation programs: the tools of tests/conformance/tools.mod.
func programsOfSuite(t *testing.T) map[string]bool {
	t.Helper()
	programs := make(map[string]bool)
	for _, m := range regexp.MustCompile(`/validation/(\w+)`).FindAllStringSubmatch(read(t,
		"../tests/conformance/tools.mod"), -1) {
		programs[m[1]] = true
	}
	if len(programs) != 58 {
		t.Fatalf("tools.mod has %d validation programs: the document says 58", len(programs))
	}
	return programs
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// listed are the programs of expected.txt; the value says whether the list has them for the mode native.
func listed(t *testing.T, programs map[string]bool) map[string]bool {
	t.Helper()
	lines := make(map[string]bool)
	for line := range strings.Lines(read(t, "../tests/conformance/expected.txt")) {
		if strings.HasPrefix(line, "#") || strings.TrimSpace(line) == "" {
			continue
		}
		f := strings.SplitN(strings.TrimSpace(line), " | ", 5)
		if len(f) != 5 || !oneOf(f[1], "native", "cgroup2", "both") || !oneOf(f[2], "fail", "either") ||
			!oneOf(f[3], "fails", "either") || f[4] == "" {
			t.Errorf("expected.txt: not the form that its head tells: %s", line)
			continue
		}
		if !programs[f[0]] {
			t.Errorf("expected.txt: there is no program %s", f[0])
		}
		lines[f[0]] = lines[f[0]] || f[1] != "cgroup2"
	}
	return lines
}

func oneOf(s string, words ...string) bool { return slices.Contains(words, s) }

// TestConformanceTable compares conformance.md with what there is: every validation program is in a table,
// in italics if expected.txt has it for the machine's own cgroups, and every file of tests/bats that it names exists.
func TestConformanceTable(t *testing.T) {
	programs := programsOfSuite(t)
	fails := listed(t, programs)
	seen := make(map[string]bool)
	for line := range strings.Lines(read(t, "conformance.md")) {
		cells := strings.Split(line, "|")
		if len(cells) != 6 || strings.HasPrefix(line, "|-") || strings.TrimSpace(cells[1]) == "section" {
			continue
		}
		for _, file := range cellNames(cells[3]) {
			if _, err := os.Stat(filepath.Join("../tests/bats", file+".bats")); err != nil {
				t.Error(err)
			}
		}
		for _, word := range cellNames(cells[4]) {
			name := strings.Trim(word, "*")
			seen[name] = true
			switch {
			case !programs[name]:
				t.Errorf("there is no program %s", name)
			case (word != name) != fails[name]:
				t.Errorf("%s: italics and expected.txt don't agree", name)
			}
		}
	}
	for name := range programs {
		if !seen[name] {
			t.Errorf("no row has the program %s", name)
		}
	}
}

// cellNames are the names in a cell.
func cellNames(cell string) []string {
	return strings.FieldsFunc(cell, func(r rune) bool { return r == ',' || r == ' ' })
}
