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
		build.Env = append(os.Environ(), "CGO_ENABLED=0") // as make builds rt: without a loader that takes descriptors
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	for script, want := range map[string]string{
		"":                           "soak: 21 passed, 0 failed",
		"[ $3 != exec ] || exit 7":   "exit status 7",
		"[ $3 != delete ] || exit 0": "left: state",
		"exec 2>/dev/null":           "does not say why",
	} {
		wrapper := filepath.Join(dir, "wrapper")
		if script == "" {
			wrapper = dir + "/rt" // the shell would take descriptors
		}
		text := "#!/bin/sh\n" + script + "\nexec " + dir + "/rt \"$@\"\n"
		if script != "" {
			if err := os.WriteFile(wrapper, []byte(text), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		soak := exec.Command(dir+"/soak", "-runtime", wrapper, "-containers", "5", "-kills", "3", "-faults", "12",
			"-seed", "2")
		out, err := soak.CombinedOutput()
		if !strings.Contains(string(out), want) || (err == nil) != (script == "") {
			t.Errorf("%q: %v: %s", script, err, out)
		}
	}
}
