package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestVocabulary checks that the tables are sorted, that every word has a meaning and a source, and that rt uses it:
// a word that is in no file of the code, and on no other page, is one too many.
func TestVocabulary(t *testing.T) {
	text := read(t, "vocabulary.md")
	used := rtsText(t)
	rows := 0
	for _, table := range strings.Split(text, "| word | meaning | source |")[1:] {
		var words []string
		for line := range strings.Lines(table) {
			if strings.HasPrefix(line, "## ") {
				break
			}
			cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), " | ")
			if !strings.HasPrefix(line, "| ") {
				continue
			}
			rows++
			if len(cells) != 3 || strings.TrimSpace(cells[1]) == "" || strings.TrimSpace(cells[2]) == "" {
				t.Errorf("a row takes a word, its meaning and its source: %s", line)
				continue
			}
			word := strings.TrimSpace(cells[0])
			words = append(words, strings.ToLower(word))
			for part := range strings.SplitSeq(word, ", ") {
				if !regexp.MustCompile(`(?i)\b` + regexp.QuoteMeta(part)).MatchString(used) {
					t.Errorf("%q is used nowhere", part)
				}
			}
		}
		if !slices.IsSorted(words) {
			t.Errorf("the words are not sorted: %q", words)
		}
	}
	if rows < 60 {
		t.Errorf("found only %d words", rows)
	}
	for _, page := range []string{"../README.md", "architecture.md"} {
		if !strings.Contains(read(t, page), "vocabulary.md)") {
			t.Errorf("%s does not link to vocabulary.md", page)
		}
	}
}

// rtsText is the text of rt's code and of the other pages.
func rtsText(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for _, pattern := range []string{
		"*.md", "../*/*.go", "../*/*/*.go", "../*/*/*/*.go",
	} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if file == "vocabulary.md" || strings.Contains(file, "_test.go") {
				continue
			}
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			all.Write(text)
		}
	}
	return all.String()
}
