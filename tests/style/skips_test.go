package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// absent are the bats files whose tests are all skipped on a machine without a CRIU or an LSM that works.
var absent = []string{"apparmor.bats", "checkpoint.bats", "selinux.bats"}

var titleOfTest = regexp.MustCompile(`(?m)^@test "(.*)" \{`)

// A skip that skips.txt does not list fails a run, but only on a machine that skips: one that has what the test needs
// would not see that the line is missing.
func TestSkipsAreListed(t *testing.T) {
	list, err := os.ReadFile("../bats/skips.txt")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(list), "\n")
	for _, file := range absent {
		source, err := os.ReadFile(filepath.Join("../bats", file))
		if err != nil {
			t.Fatal(err)
		}
		titles := titleOfTest.FindAllStringSubmatch(string(source), -1)
		if len(titles) == 0 {
			t.Errorf("%s: no tests were found", file)
		}
		for _, title := range titles {
			if !slices.Contains(lines, "root: "+title[1]) {
				t.Errorf("%s: %q is not in skips.txt", file, title[1])
			}
		}
	}
}
