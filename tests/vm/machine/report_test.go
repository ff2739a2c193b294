package main

import (
	"bytes"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

func TestPageHasTheResults(t *testing.T) {
	want, err := report("../results")
	if err != nil {
		t.Fatal(err)
	}
	have, err := os.ReadFile("../../../docs/machines.md")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(have, want) {
		t.Errorf("docs/machines.md is not what tests/vm/results say: UPDATE=1 go test ./tests/vm/machine")
		if os.Getenv("UPDATE") != "" {
			_ = os.WriteFile("../../../docs/machines.md", want, 0o644)
		}
	}
}

func TestRowsAreComplete(t *testing.T) {
	for _, r := range rows {
		if _, _, err := options(strings.Fields(r.options)); err != nil {
			t.Errorf("%s: %v", r.name, err)
		}
		for _, name := range r.tests {
			if _, err := os.Stat("../" + tests[name].program); err != nil || tests[name].program == "" {
				t.Errorf("%s: test %q runs no program of tests/vm", r.name, name)
			}
		}
	}
}

func TestReadParts(t *testing.T) {
	parts := readParts(strings.NewReader(`noise
-- a: b: 12 passed, 1 failed, 2 skipped
skipped: TestX: SKIP: why
skipped: subject: what it says: why
failed: w
-- c: 0 passed, 0 failed, 0 skipped
`))
	want := []part{
		{
			Name: "a: b", Passed: 12, Failed: []string{"w"},
			Skipped: []string{"TestX: why", "subject: what it says: why"},
		},
		{Name: "c"},
	}
	if !reflect.DeepEqual(parts, want) {
		t.Errorf("%+v", parts)
	}
	for _, skip := range want[0].Skipped {
		if reason(skip) != "why" {
			t.Errorf("the reason of %q is not %q", skip, reason(skip))
		}
	}
}

func TestPackagesAreOnePart(t *testing.T) {
	got := foldPackages([]part{
		{Name: "go: hooks", Passed: 2, Failed: []string{"TestX"}},
		{Name: "go: nsenter", Passed: 3, Skipped: []string{"TestY: why"}},
		{Name: "life", Passed: 4},
	})
	want := []part{
		{Name: "go: 2 packages", Passed: 5, Failed: []string{"TestX"}, Skipped: []string{"TestY: why"}},
		{Name: "life", Passed: 4},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	for _, args := range []string{
		"--arch mips", "--suite woody", "--kernel 2.6", "--cgroup v3", "--lsm tomoyo", "--suite sid --cgroup v1",
	} {
		if _, _, err := options(strings.Fields(args)); err == nil {
			t.Errorf("%s is taken", args)
		}
	}
	m, o, err := options(strings.Fields("--suite bullseye --timeout 5 -- a b"))
	if err != nil || m.kernel != "5.10" || o.timeout.Seconds() != 5 || len(o.command) != 2 {
		t.Errorf("%+v %+v %v", m, o, err)
	}
}

// The files of two forges have the matrix as text, where no program of ours could make it.
func TestForgesRunAllRows(t *testing.T) {
	for path, list := range map[string]*regexp.Regexp{
		"../../../.github/workflows/test.yml": regexp.MustCompile(`(?m)^ +row: \[(.*)\]$`),
		"../../../.gitlab-ci.yml":             regexp.MustCompile(`(?m)^ +- ROW: \[(.*)\]$`),
	} {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		match := list.FindSubmatch(text)
		if match == nil {
			t.Fatalf("%s has no list of rows", path)
		}
		choices := strings.Split(string(match[1]), ", ")
		chosen := map[string]bool{}
		for _, choice := range choices {
			if !isChoice(choice) {
				t.Errorf("%s: %q is no row", path, choice)
			}
			row, _, _ := strings.Cut(choice, "/")
			chosen[row] = true
		}
		for _, r := range rows {
			if !chosen[r.name] {
				t.Errorf("%s does not run the row %s", path, r.name)
			}
		}
	}
}
