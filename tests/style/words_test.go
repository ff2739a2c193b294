package main

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// avoided are words that rt once had for things that have a name, or that no reader of manual pages expects, each with
// what to write. docs/vocabulary.md has the words that rt uses.
var avoided = []struct{ pattern, instead string }{
	{`in hand`, "name the descriptor, the register or the file"},
	{`for want of`, "without, because there is no"},
	{`whose it is`, "owner"},
	{`foresee|foresees|foreseen`, "expect, know beforehand"},
	{`anew`, "again, or the verb with re-"},
	{`mend|mends|mended`, "fix"},
	{`bear|bears|borne|(?-i:bear[A-Z]\w*)`, "clone(2), have, take"},
	{`beside`, "next to, in addition to, compared with"},
	{`needed by no one`, "unused, until another reason is found"},
	{`(?:a|an|the|its) kept`, "retained, existing: kept is no noun and no adjective"},
	{`keep\w*kept`, "say what is recorded, and where"},
	{`settle|settles|settled|settling|settler`, "decide, final"},
	{`(?-i:places?)`, "directory, hierarchy, target, position, mount point; instead of"},
	{`hence|whence|thence|lest`, "so, so that, because"},
	{`to be had`, "available"},
	{`among it`, "included, such as"},
	{`for ever`, "forever, or without a limit"},
	{`(?:hand|hands|handed|handing) (?:over|on)|(?-i:[hH]andOver)\w*`, "pass"},
	{`(?:carry|carries|carried|carrying) (?:\w+ )?out`, "execute, run"},
	{`(?:go|goes|going) on`, "continue, happen, be forwarded"},
	{`looks at`, "examines, reads, tests"},
	{`between two looks|each look`, "measurement, sample"},
	{`(?:is|are) gone with|comes? of the|will have it that`, "is removed with, comes from"},
	{`without a word`, "silently"},
	{`look-around`, "inspection"},
	{`whatsoever|wherein|thereof|whereupon`, "say it in a sentence of its own"},
}

// permitted are uses of avoided words that are right, by file: the line has to contain the text.
var permitted = map[string][]string{}

// readable are the files of rt that people read, as patterns of git ls-files. CHANGELOG.md and docs/decisions, which
// tell of code that is no longer there, may name it.
var readable = []string{
	"*.go", "*.s", "*.c", "*.bats", "*.bash", "*.md", "man/*", "tests/*", "Makefile",
	":!CHANGELOG.md", ":!docs/decisions/*", ":!*testdata*", ":!docs/vocabulary.md", ":!tests/style/words_test.go",
	":!tests/tools.*", ":!tests/conformance/*.txt",
}

// The words of its own that rt once had do not come back: in comments, identifiers, messages and pages.
func TestAvoidedWords(t *testing.T) {
	pattern := avoidedPattern()
	files := readableFiles(t)
	if len(files) < 400 {
		t.Fatalf("only %d files: has git ls-files changed its form?", len(files))
	}
	used := map[string]bool{}
	for _, name := range files {
		text, err := os.ReadFile(filepath.Join("..", "..", name))
		if errors.Is(err, fs.ErrNotExist) {
			continue // deleted, and not committed yet
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range pattern.FindAllSubmatchIndex(text, -1) {
			line := lineAt(text, m[0])
			if k := slices.IndexFunc(permitted[name], func(s string) bool {
				return strings.Contains(line,
					s)
			}); k >= 0 {
				used[name+permitted[name][k]] = true
				continue
			}
			t.Errorf("%s:%d: %q: write %s", name, 1+bytes.Count(text[:m[0]], []byte("\n")), text[m[0]:m[1]], instead(m))
		}
	}
	for name, lines := range permitted {
		for _, l := range lines {
			if !used[name+l] {
				t.Errorf("%s has no line with %q any more: take it off the list", name, l)
			}
		}
	}
}

// avoidedPattern has a group for each row of avoided.
func avoidedPattern() *regexp.Regexp {
	all := make([]string, len(avoided))
	for i, a := range avoided {
		all[i] = "(" + a.pattern + ")"
	}
	return regexp.MustCompile(`\b(?i:` + strings.Join(all, "|") + `)\b`)
}

// instead returns what to write for the row of avoided that a match is of.
func instead(match []int) string {
	for i, a := range avoided {
		if match[2+2*i] >= 0 {
			return a.instead
		}
	}
	return ""
}

func lineAt(text []byte, at int) string {
	begin := bytes.LastIndexByte(text[:at], '\n') + 1
	line, _, _ := bytes.Cut(text[begin:], []byte("\n"))
	return string(line)
}

// Each pattern finds what it is for.
func TestAvoidedWordsAreFound(t *testing.T) {
	pattern := avoidedPattern()
	for _, line := range []string{
		"// the mount in hand", "for want of memory", "func bearProcess()", "it bears a label", "keepKept(x)",
		"// beside the test", "a kept layer", "the leaf is settled", "all places", "started anew",
		"the file is handed over", "between two looks", "it is gone with it", "c.handOver(x)",
		"the plan is carried out", "rt carries it out", "it goes on", "rt looks at it",
	} {
		if !pattern.MatchString(line) {
			t.Errorf("%q passes", line)
		}
	}
	for _, word := range pattern.FindAllString("a bearer, besides: settlement, commended, placed, keeps what it kept",
		-1) {
		t.Errorf("%q is found in another word", word)
	}
}

// readableFiles lists the files of readable.
func readableFiles(t *testing.T) []string {
	t.Helper()
	list := exec.Command("git", append([]string{"ls-files", "--"}, readable...)...)
	list.Dir = filepath.Join("..", "..")
	out, err := list.Output()
	if err != nil {
		t.Skip("the sources are in no git repository: ", err)
	}
	return strings.Fields(string(out))
}
