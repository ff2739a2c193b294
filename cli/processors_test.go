package cli

import (
	"os"
	"runtime"
	"testing"
)

func TestARelayHasTwoProcessors(t *testing.T) {
	before, stdin := runtime.GOMAXPROCS(1), os.Stdin
	t.Cleanup(func() {
		runtime.GOMAXPROCS(before)
		os.Stdin = stdin
	})
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skip("no terminal can be made:", err)
	}
	defer master.Close()
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	for _, c := range []struct {
		stdin  *os.File
		detach bool
		want   int
	}{{null, false, 1}, {master, true, 1}, {master, false, 2}} {
		os.Stdin = c.stdin
		allowRelay(c.detach)
		if got := runtime.GOMAXPROCS(0); got != c.want {
			t.Errorf("%s, detach %v: %d processors, want %d", c.stdin.Name(), c.detach, got, c.want)
		}
	}
}
