package docs

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestDemoIsQuotedTruly compares what README.md shows of `make demo` with tests/demo: the rows of its table, the
// attempts in the container, and their order. The values are those of one machine.
func TestDemoIsQuotedTruly(t *testing.T) {
	script := read(t, "../tests/demo")
	_, section, _ := strings.Cut(read(t, "../README.md"), "## `make demo` shows\n")
	section, _, _ = strings.Cut(section, "\n## ")
	block := regexp.MustCompile(`(?m)^    (.*)$`).FindAllStringSubmatch(section, -1)
	// What the script prints, in its order: the heading and the rows with their columns, then the attempts.
	const heading = "  %-32s %-34s %s"
	if !strings.Contains(script, "printf '"+heading+"\\n' \"\" \"on this machine\" \"in the container\"") {
		t.Fatal("the table of tests/demo has another heading")
	}
	want := []string{fmt.Sprintf(heading, "", "on this machine", "in the container")}
	_, names, _ := strings.Cut(script, "\nnames=(")
	names, _, _ = strings.Cut(names, ")\n")
	for _, m := range regexp.MustCompile(`"([^"]+)"`).FindAllStringSubmatch(names, -1) {
		want = append(want, fmt.Sprintf("  %-32s ", m[1]))
	}
	for _, m := range regexp.MustCompile(`(?m)^\t\techo "(Att.*)"$`).FindAllStringSubmatch(script, -1) {
		want = append(want, m[1])
	}
	for _, m := range regexp.MustCompile(`(?m)^\t\ttry (.*)$`).FindAllStringSubmatch(script, -1) {
		want = append(want, "  "+m[1]+": refused")
	}
	next, gap, compared := 0, false, 0
	for _, m := range block {
		if strings.TrimSpace(m[1]) == omission {
			gap = true
			continue
		}
		at := slices.IndexFunc(want[next:], func(w string) bool {
			return m[1] == w || strings.HasSuffix(w, " ") && strings.HasPrefix(m[1], w)
		})
		if at < 0 || at > 0 && !gap {
			t.Errorf("README.md shows %q, and tests/demo prints none, or not here", m[1])
			continue
		}
		next, gap = next+at+1, false
		compared++
	}
	if compared < 14 {
		t.Errorf("only %d lines are compared", compared)
	}
}
