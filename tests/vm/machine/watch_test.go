package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"testing"
	"time"
)

// startSleeper starts what stands for a machine that does nothing.
func startSleeper(t *testing.T) int {
	t.Helper()
	sleeper := exec.Command("sleep", "600")
	if err := sleeper.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = sleeper.Process.Kill()
		_ = sleeper.Wait()
	})
	return sleeper.Process.Pid
}

func newWatch(t *testing.T) (w *watch, guest *os.File) {
	t.Helper()
	ours, theirs, err := socketPair()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ours.Close()
		theirs.Close()
	})
	status := &statusPort{first: make(chan struct{})}
	return &watch{pid: startSleeper(t), status: status, control: ours, timeout: time.Second}, theirs
}

func TestMachineThatDoesNotBoot(t *testing.T) {
	w, _ := newWatch(t)
	ctx, end := context.WithCancelCause(t.Context())
	w.expire(ctx, end)
	if !errors.Is(context.Cause(ctx), errNotBooted) || w.asked.Load() {
		t.Errorf("it ended with %v, asked: %t", context.Cause(ctx), w.asked.Load())
	}
}

// TestMachineIsAskedWhatItDoes has a machine that boots and whose command does not end.
func TestMachineIsAskedWhatItDoes(t *testing.T) {
	w, guest := newWatch(t)
	if _, err := w.status.Write([]byte("facts\n")); err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithCancelCause(t.Context())
	expired := make(chan struct{})
	go func() {
		w.expire(ctx, end)
		close(expired)
	}()
	var question [1]byte
	if n, err := guest.Read(question[:]); n != 1 || err != nil {
		t.Errorf("the machine has read %d bytes: %v", n, err)
	}
	if context.Cause(ctx) != nil || !w.asked.Load() {
		t.Errorf("it ended with %v, asked: %t", context.Cause(ctx), w.asked.Load())
	}
	end(nil) // the machine has answered and ended
	<-expired
}
