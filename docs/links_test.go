package docs

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	code    = regexp.MustCompile("(?s)```.*?```|(?m)^    .*$|`[^`\n]*`")
	link    = regexp.MustCompile(`\]\(([^)]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.*)$`)
	notSlug = regexp.MustCompile(`[^\pL\pN_ -]`)
)

// pages are all pages of the repository, by their path from its top.
func pages(t *testing.T) []string {
	t.Helper()
	out, err := exec.Command("git", "-C", "..", "ls-files", "*.md", ":!*testdata*").Output()
	if err != nil {
		t.Skip("needs git, and a clone:", err)
	}
	return strings.Fields(string(out))
}

func readPage(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", path))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// anchors are the names that the headings of a page have, as forges make them.
func anchors(text string) map[string]bool {
	names := make(map[string]bool)
	for _, h := range heading.FindAllStringSubmatch(text, -1) {
		title := link.ReplaceAllString(h[1], "")
		names[strings.ReplaceAll(notSlug.ReplaceAllString(strings.ToLower(title), ""), " ", "-")] = true
	}
	return names
}

// TestLinksLeadSomewhere follows every relative link, to the heading if it names one.
func TestLinksLeadSomewhere(t *testing.T) {
	count := 0
	for _, page := range pages(t) {
		for _, m := range link.FindAllStringSubmatch(code.ReplaceAllString(readPage(t, page), ""), -1) {
			target := strings.Join(strings.Fields(m[1]), "")
			if strings.Contains(target, "://") {
				continue
			}
			count++
			file, anchor, _ := strings.Cut(target, "#")
			if file == "" {
				file = page
			} else {
				file = filepath.Join(filepath.Dir(page), file)
			}
			if _, err := os.Stat(filepath.Join("..", file)); err != nil {
				t.Errorf("%s links to %s: there is no such file", page, target)
			} else if anchor != "" && filepath.Ext(file) == ".md" && !anchors(readPage(t, file))[anchor] {
				t.Errorf("%s links to %s: that page has no such heading", page, target)
			}
		}
	}
	if count < 100 {
		t.Errorf("%d links found: have the pages moved?", count)
	}
}

// A blank line cuts a table in two, of which the second is no table, and a row on two lines is none.
func TestTablesAreWhole(t *testing.T) {
	for _, page := range pages(t) {
		lines := strings.Split(readPage(t, page), "\n")
		fenced := false
		for i, l := range lines {
			if strings.HasPrefix(l, "```") {
				fenced = !fenced
			}
			if fenced || !strings.HasPrefix(l, "|") {
				continue
			}
			if !strings.HasSuffix(strings.TrimRight(l, " "), "|") {
				t.Errorf("%s:%d: the row does not end with |", page, i+1)
			}
			if i > 0 && !strings.HasPrefix(lines[i-1], "|") && lines[i-1] != "" {
				t.Errorf("%s:%d: a table begins without a blank line before it", page, i+1)
			}
			another := i+1 < len(lines) && strings.HasPrefix(lines[i+1], "|--")
			if i > 1 && lines[i-1] == "" && strings.HasPrefix(lines[i-2], "|") && !another {
				t.Errorf("%s:%d: a blank line cuts the table", page, i)
			}
		}
	}
}
