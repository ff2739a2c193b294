package cli

import (
	"strings"
	"testing"
)

func TestKeepRows(t *testing.T) {
	const table = "UID   PID  PPID CMD\nroot    1     0 init 12\nroot   12     1 sleep\nroot  123    12 a 12\nshort\n"
	got, err := keepRows([]byte(table), []int{12, 99})
	if want := "UID   PID  PPID CMD\nroot   12     1 sleep\n"; err != nil || string(got) != want {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
	if _, err := keepRows([]byte("CMD\ninit\n"), []int{1}); err == nil ||
		!strings.Contains(err.Error(), "couldn't find PID field") {
		t.Errorf("without PID: %v", err)
	}
	if _, err := keepRows(nil, nil); err == nil {
		t.Error("nothing is no table")
	}
}

func TestAppendPids(t *testing.T) {
	if got := string(appendPids(nil, []int{1, 22})); got != "[1,22]\n" {
		t.Error(got)
	}
	// containerd decodes it into a slice: nothing is an empty one.
	if got := string(appendPids(nil, nil)); got != "[]\n" {
		t.Error(got)
	}
}
