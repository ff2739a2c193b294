package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestFindsADifference compares rt with itself, where there is nothing to find, and on one whose
// containers have another oom_score_adj.
func TestFindsADifference(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	if _, err := exec.LookPath("busybox"); err != nil {
		t.Skip("needs busybox-static for an image")
	}
	dir, err := os.MkdirTemp("/var/tmp", "differential-test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	for out, pkg := range map[string]string{"rt": "../..", "differential": "."} {
		if text, err := exec.Command("go", "build", "-buildvcs=false", "-o", filepath.Join(dir, out),
			pkg).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
	}
	other := filepath.Join(dir, "other")
	script := "#!/bin/sh\necho 77 >/proc/self/oom_score_adj\nexec " + dir + "/rt \"$@\"\n"
	if err := os.WriteFile(other, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	run := func(runtime string) string {
		out, _ := exec.Command(dir+"/differential", "-runtime", runtime, "-peer", dir+"/rt", "-seed", "1", "-cases",
			"1").CombinedOutput()
		return string(out)
	}
	if out := run(dir + "/rt"); !strings.Contains(out, " 0 differences") {
		t.Errorf("rt differs from itself: %s", out)
	}
	if out := run(other); !strings.Contains(out, "+ oom 77") || strings.Contains(out, " 0 differences") {
		t.Errorf("it does not see the difference: %s", out)
	}
}
