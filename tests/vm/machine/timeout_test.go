package main

import (
	"bytes"
	"context"
	"errors"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestTimeOfAStarvedProcess has two processes on one processor: each waits half of the time, and half of it counts.
func TestTimeOfAStarvedProcess(t *testing.T) {
	const timeout = time.Second
	pid := startRivals(t, 2)
	ctx, end := context.WithCancelCause(context.Background())
	began := time.Now()
	endAfter(ctx, end, pid, timeout)
	took, lost := time.Since(began), waited(pid)
	if !errors.Is(context.Cause(ctx), context.DeadlineExceeded) {
		t.Errorf("it ended with %v", context.Cause(ctx))
	}
	if lost == 0 {
		t.Skip("this kernel does not count how long a thread waits: /proc/" + strconv.Itoa(pid) + "/schedstat")
	}
	if took < timeout+timeout/4 {
		t.Errorf("it ended after %s, of which it had waited %s", took, lost)
	}
}

// TestStarvedProcessIsTold has twenty processes on one processor: each waits nearly all of the time.
func TestStarvedProcessIsTold(t *testing.T) {
	pid := startRivals(t, 20)
	ctx, end := context.WithTimeout(t.Context(), 2500*time.Millisecond)
	defer end()
	var said bytes.Buffer
	tellWaiting(ctx, pid, time.Second, &said)
	if waited(pid) == 0 {
		t.Skip("this kernel does not count how long a thread waits: /proc/" + strconv.Itoa(pid) + "/schedstat")
	}
	if !strings.Contains(said.String(), "of the last 1s it waited ") {
		t.Errorf("it said %q", &said)
	}
}

// startRivals starts processes that want the same processor, and returns one of them.
func startRivals(t *testing.T, count int) int {
	t.Helper()
	busy := make([]*exec.Cmd, count)
	for i := range busy {
		busy[i] = exec.Command("sh", "-c", "while :; do :; done")
		if err := busy[i].Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			_ = busy[i].Process.Kill()
			_ = busy[i].Wait()
		})
		var first unix.CPUSet
		first.Set(firstProcessor(t))
		if err := unix.SchedSetaffinity(busy[i].Process.Pid, &first); err != nil {
			t.Fatal(err)
		}
	}
	return busy[0].Process.Pid
}

// firstProcessor is one that this process may run on.
func firstProcessor(t *testing.T) int {
	t.Helper()
	var mask unix.CPUSet
	if err := unix.SchedGetaffinity(0, &mask); err != nil {
		t.Fatal(err)
	}
	for i := range len(mask) * 64 {
		if mask.IsSet(i) {
			return i
		}
	}
	t.Fatal("no processor")
	return 0
}

func TestTimeOfASleepingProcess(t *testing.T) {
	sleeper := exec.Command("sleep", "600")
	if err := sleeper.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = sleeper.Process.Kill()
		_ = sleeper.Wait()
	}()
	const timeout = time.Second
	ctx, end := context.WithCancelCause(context.Background())
	go endAfter(ctx, end, sleeper.Process.Pid, timeout)
	select {
	case <-ctx.Done():
	case <-time.After(time.Minute):
		t.Error("it has not ended")
	}
}
