package cli

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

func TestKeepRows(t *testing.T) {
	const table = "UID   PID  PPID CMD\nroot    1     0 init 12\nroot   12     1 sleep\nroot  123    12 a 12\nshort\n"
	got := keepRows([]byte(table), 1, []int{12, 99})
	if want := "UID   PID  PPID CMD\nroot   12     1 sleep\n"; string(got) != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestPsTable has a process whose name is two words and a pid.
func TestPsTable(t *testing.T) {
	if _, err := exec.LookPath("ps"); err != nil {
		t.Skip("needs ps")
	}
	own := os.Getpid()
	name := fmt.Sprintf("a 1 b %d", os.Getppid())
	main := fmt.Sprintf("/proc/%d/comm", own) // the name of the process is that of its first thread
	text, err := os.ReadFile(main)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(main, []byte(name), 0o600); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = os.WriteFile(main, bytes.TrimSpace(text), 0o600) }()
	for _, args := range [][]string{
		{"-o", "comm,pid", "-e"},
		{"axo", "comm,pid"},
		{"-eo", "comm:40,user,pid"},
		{"-eo", "pid,comm"},
		{"-e", "--format", "args,comm,pid"},
	} {
		table, err := psTable([]int{own}, args)
		lines := strings.Split(strings.TrimSpace(string(table)), "\n")
		if err != nil || len(lines) != 2 || !strings.Contains(lines[1], name[:9]) ||
			!strings.Contains(lines[0], "PID") ||
			strings.Contains(lines[0], ownColumn) {
			t.Errorf("%q: %q, %v", args, lines, err)
		}
		forged, err := psTable([]int{os.Getppid()}, args)
		if err != nil || strings.Contains(string(forged), name[:9]) {
			t.Errorf("%q: the row of another: %q, %v", args, forged, err)
		}
	}
	if _, err := psTable([]int{1}, []string{"-o", "comm"}); err == nil ||
		!strings.Contains(err.Error(), "couldn't find PID field") {
		t.Errorf("without PID: %v", err)
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
