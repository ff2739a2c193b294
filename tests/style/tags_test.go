package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// bats reads the tags of a test from a comment line of their own. In any other line they are a comment, and the test
// runs as the wrong user, or not at all.
func TestBatsTagsAreRead(t *testing.T) {
	files, err := filepath.Glob("../*/*.bats")
	if err != nil || len(files) < 50 {
		t.Fatalf("found %d files of bats: %v", len(files), err)
	}
	tags := regexp.MustCompile(`\bbats:? *(file|test)_tags\b`)
	alone := regexp.MustCompile(`^\s*# bats (file|test)_tags=[a-z0-9_,:-]+$`)
	found := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for n, line := range strings.Split(string(text), "\n") {
			if !tags.MatchString(line) {
				continue
			}
			found++
			if !alone.MatchString(line) {
				t.Errorf("%s:%d: bats does not read the tags of this line: %s", file, n+1, line)
			}
		}
	}
	if found < 50 {
		t.Errorf("found only %d lines with tags", found)
	}
}
