package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"rt/cli"
)

// The pages in man/ are those that the commands make: no more, no fewer, and none out of date.
func TestPagesAreUpToDate(t *testing.T) {
	want := pages()
	files, err := filepath.Glob("../*.8")
	if err != nil {
		t.Fatal(err)
	}
	have := map[string]bool{}
	for _, file := range files {
		have[filepath.Base(file)] = true
		if _, ok := want[filepath.Base(file)]; !ok {
			t.Errorf("%s belongs to no command: remove it", file)
		}
	}
	for name, text := range want {
		if !have[name] {
			t.Errorf("%s is missing: make man", name)
			continue
		}
		old, err := os.ReadFile(filepath.Join("..", name))
		if err != nil {
			t.Fatal(err)
		}
		if string(old) != text {
			t.Errorf("%s is out of date: make man", name)
		}
	}
}

// Every page says what a reader looks for, and every option that help shows.
func TestPagesAreWhole(t *testing.T) {
	commands := cli.Commands()
	if len(commands) < 10 {
		t.Fatalf("%d commands: where are the others?", len(commands))
	}
	for _, c := range commands {
		text := page(c)
		for _, section := range []string{
			"NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXIT STATUS", "EXAMPLES",
			"SEE ALSO",
		} {
			_, behind, ok := strings.Cut(text, "\n.SH "+section+"\n")
			if !ok || strings.HasPrefix(behind, ".SH") || behind == "" {
				t.Errorf("rt-%s(8) has no %s", c.Name, section)
			}
		}
		for _, f := range c.Flags {
			if shown := strings.Contains(text, bold("--"+f.Name)); shown == f.Hidden {
				t.Errorf("rt-%s(8): --%s is hidden: %v, shown: %v", c.Name, f.Name, f.Hidden, shown)
			}
			if f.Usage == "" {
				t.Errorf("rt %s --%s says nothing of itself", c.Name, f.Name)
			}
		}
		if len(c.Examples) == 0 || len(c.Description) == 0 {
			t.Errorf("rt %s lacks examples or a description", c.Name)
		}
	}
}

// groff, where it is installed, finds nothing to complain of.
func TestPagesFormat(t *testing.T) {
	groff, err := exec.LookPath("groff")
	if err != nil {
		t.Skip("groff is not installed")
	}
	for name, text := range pages() {
		cmd := exec.Command(groff, "-man", "-Tutf8", "-ww", "-z")
		cmd.Stdin = strings.NewReader(text)
		if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}

// Text that looks like roff prints as it stands.
func TestEscape(t *testing.T) {
	for in, want := range map[string]string{
		"--name":  `\-\-name`,
		`a\nb`:    `a\enb`,
		"it's":    `it\(aqs`,
		"~/a ^":   `\(ti/a \(ha`,
		".bashrc": `\&.bashrc`,
		"└":       `\[u2514]`,
	} {
		if got := guard(escape(in)); got != want {
			t.Errorf("escape(%q) = %q, want %q", in, got, want)
		}
	}
}
