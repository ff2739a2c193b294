// Package ownmounts runs a test in a mount namespace of its own: other tests, which run at the same time, compare the
// mounts of the host before and after.
package ownmounts

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

const variable = "RT_TEST_APART"

// Is reports whether this process was started by Run.
func Is() bool { return os.Getenv(variable) != "" }

// Run runs a test again in a process with a mount namespace of its own, which the shell commands of prepare have
// prepared. It reports whether this is that process: the test continues there only.
func Run(t *testing.T, prepare string) bool {
	t.Helper()
	if os.Getenv(variable) == t.Name() {
		return true
	}
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	t.Parallel() // this process only waits, and most of the time so does the other one
	cmd := exec.Command("/bin/sh", "-c", prepare+` && exec "$0" "$@"`, os.Args[0], "-test.v",
		"-test.run=^"+t.Name()+"$")
	if testing.Short() {
		cmd.Args = append(cmd.Args, "-test.short")
	}
	cmd.Env = append(os.Environ(), variable+"="+t.Name())
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	out, err := cmd.CombinedOutput()
	switch {
	case err != nil:
		passed := regexp.MustCompile(`(?m)^( *--- PASS|=== RUN).*\n`)
		t.Errorf("%v\n%s", err, passed.ReplaceAll(out, nil))
	case strings.Contains(string(out), "--- SKIP"):
		t.Skipf("%s", out)
	case !strings.Contains(string(out), "--- PASS: "+t.Name()+" "):
		t.Errorf("the test did not run:\n%s", out)
	default:
		t.Logf("%s", out)
	}
	return false
}
