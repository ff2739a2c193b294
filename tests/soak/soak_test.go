package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestSeesWhatIsLeft has a runtime that keeps some containers, and one that fails.
func TestSeesWhatIsLeft(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	if _, err := exec.LookPath("busybox"); err != nil {
		t.Skip("needs busybox-static for an image")
	}
	dir := t.TempDir()
	for name, pkg := range map[string]string{"rt": "../..", "soak": "."} {
		build := exec.Command("go", "build", "-buildvcs=false", "-o", filepath.Join(dir, name), pkg)
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	for script, want := range map[string]string{
		"":                           "soak: 9 passed, 0 failed",
		"[ $3 != exec ] || exit 7":   "exit status 7",
		"[ $3 != delete ] || exit 0": "left: state",
	} {
		wrapper := filepath.Join(dir, "wrapper")
		text := "#!/bin/sh\n" + script + "\nexec " + dir + "/rt \"$@\"\n"
		if err := os.WriteFile(wrapper, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
		soak := exec.Command(dir+"/soak", "-runtime", wrapper, "-containers", "5", "-kills", "3", "-seed", "2")
		out, err := soak.CombinedOutput()
		if !strings.Contains(string(out), want) || (err == nil) != (script == "") {
			t.Errorf("%q: %v: %s", script, err, out)
		}
	}
}
