package host

import (
	"errors"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
)

func TestCheckPassesHere(t *testing.T) {
	if err := Check(); err != nil {
		t.Fatal(err)
	}
	for _, p := range required {
		if p.ask() == Unknown && unix.Geteuid() == 0 {
			t.Errorf("%s: could not tell, as root", p.name)
		}
	}
}

func TestCheckNamesTheCallAndTheRelease(t *testing.T) {
	// No kernel has a system call of this number, so this is what a missing one looks like.
	missing := probe{name: "openat2(2)", since: "5.6", ask: func() Answer { return einval(4000, 0, 0) }}
	err := check([]probe{required[0], missing})
	const want = "this kernel lacks openat2(2) (Linux 5.6): rt needs Linux 5.10 or newer"
	if err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Fatalf("got %v, want %s", err, want)
	}
	var e *diag.Error
	if !errors.As(err, &e) || e.Kind != diag.Host || !errors.Is(err, unix.ENOSYS) {
		t.Errorf("kind or errno of %#v", err)
	}
}

func TestReport(t *testing.T) {
	seen := map[string]Answer{}
	for _, f := range Report() {
		if _, twice := seen[f.Name]; twice {
			t.Errorf("%s twice", f.Name)
		}
		seen[f.Name] = f.Answer
	}
	for _, name := range []string{"openat2(2)", "mount namespaces", "clone3(2)"} {
		if seen[name] != Yes {
			t.Errorf("%s: %s", name, seen[name])
		}
	}
	if exists("/proc/self/ns/nonesuch") != No || positive("0") != No || positive("") != Unknown ||
		positive("7") != Yes {
		t.Error("a question is answered wrongly")
	}
	if readLine("/proc/self/nonesuch") != "" || readLine("/proc/self/comm") == "" {
		t.Error("readLine")
	}
}
