package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestKinds: mutants of one kind differ in what the step is about, and in nothing else.
func TestKinds(t *testing.T) {
	m := func(text, change string) *mutant {
		return &mutant{Text: text, Why: "mounts[3].options: why", Change: change, scenario: &scenario{name: "s"}}
	}
	a := m(`openat2($root, "dev", {O_PATH, RESOLVE_IN_ROOT}, 24) -> $target, then to 46, on ENOENT to 40`,
		"without O_PATH")
	b := m(`openat2($kept2, "a/b", {O_PATH, RESOLVE_IN_ROOT}, 24) -> $file`, "without O_PATH")
	if a.kind() != b.kind() {
		t.Errorf("%s\n%s", a.kind(), b.kind())
	}
	if a.same() == b.same() {
		t.Error("two steps for one: " + a.same())
	}
	for _, other := range []*mutant{
		m(`openat2($root, "dev", {O_PATH, RESOLVE_IN_ROOT}, 24) -> $target`, dropped),
		m(`openat2($root, "dev", {O_PATH|O_DIRECTORY, RESOLVE_IN_ROOT}, 24) -> $target`, "without O_PATH"),
		m(`openat($root, "dev", {O_PATH, RESOLVE_IN_ROOT}, 24) -> $target`, "without O_PATH"),
	} {
		if a.kind() == other.kind() {
			t.Errorf("%s is of the same kind as %s", other, a)
		}
	}
}

// TestUnseen reads the list, and one with a mistake.
func TestUnseen(t *testing.T) {
	rows, err := readUnseen("unseen.txt")
	if err != nil || len(rows) < 5 {
		t.Fatalf("%d rows: %v", len(rows), err)
	}
	for _, row := range rows {
		if row.reason == "" || strings.HasPrefix(row.reason, "The mutants") {
			t.Errorf("%s: its reason is %q", row.mutants, row.reason)
		}
	}
	name := `user namespace: openat2($m, "timer_list", {O_PATH}, 24) -> $target  # a mask => without O_PATH`
	if row := find(rows, name); row == nil || !row.either {
		t.Errorf("%s: %+v", name, row)
	}
	for text, want := range map[string]string{"setns => dropped\n": "no reason", "# why\n(\n": "missing closing"} {
		file := filepath.Join(t.TempDir(), "unseen.txt")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := readUnseen(file); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// TestNoticers: who notices first is named, with the fact that it goes by.
func TestNoticers(t *testing.T) {
	for want, facts := range map[string][]string{
		"":                           nil,
		"the probe: status CapEff 0": {"+ inside: status CapEff 0"},
		"the plan checker, rule R4": {
			"+ rt run says: rt has made a plan that breaks its rule R4 (x)",
			"+ rt run: status 1",
		},
		"an error of rt": {"- inside: cwd /", "+ rt run: status 1"},
		"what is left on the host: left: mount x": {"+ left: mount x", "- inside: cwd /"},
		"other: + rt run says: a word":            {"+ rt run says: a word"},
	} {
		if got := noticer(facts); got != want {
			t.Errorf("%q: got %q, want %q", facts, got, want)
		}
	}
}

// TestOrdinaryBinary: nothing of this is in rt as it is built for people.
func TestOrdinaryBinary(t *testing.T) {
	root, err := sourceTree()
	if err != nil {
		t.Fatal(err)
	}
	rt := t.TempDir() + "/rt"
	if err := goBuild(root, rt, "."); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(rt)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), "RT_MUTANT") {
		t.Error("the ordinary binary makes mutants")
	}
}
