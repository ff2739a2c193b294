package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	bootTime   = 10 * time.Minute // emulated, on a slow host, it takes two
	answerTime = time.Minute
)

var errNotBooted = errors.New("the machine has not started the command in " + bootTime.String())

// watch ends a machine that takes too long.
type watch struct {
	pid     int
	status  *statusPort
	control *os.File
	timeout time.Duration
	asked   atomic.Bool
}

// expire ends the context when the machine has not booted in time. When the command has had its time, expire has the
// machine tell what its processes do, and ends the context if the machine does not end then.
func (w *watch) expire(ctx context.Context, end context.CancelCauseFunc) {
	boot, booted := context.WithCancelCause(ctx)
	go func() {
		select {
		case <-w.status.first:
		case <-ctx.Done():
		}
		booted(nil)
	}()
	endAfter(boot, booted, w.pid, min(bootTime, w.timeout))
	if errors.Is(context.Cause(boot), context.DeadlineExceeded) {
		end(errNotBooted)
		return
	}
	run, ended := context.WithCancelCause(ctx)
	endAfter(run, ended, w.pid, w.timeout)
	if ctx.Err() != nil {
		return
	}
	w.asked.Store(true)
	_, _ = w.control.Write([]byte("?"))
	endAfter(ctx, end, w.pid, answerTime)
}

// statusPort keeps what comes through the port status, and closes first at the first of it: the machine has booted.
type statusPort struct {
	mu    sync.Mutex
	text  bytes.Buffer
	first chan struct{}
}

func (s *statusPort) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.text.Len() == 0 && len(p) > 0 {
		close(s.first)
	}
	return s.text.Write(p)
}

func (s *statusPort) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// socketPair returns two connected sockets.
func socketPair() (*os.File, *os.File, error) {
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, err
	}
	return os.NewFile(uintptr(fds[0]), "socket"), os.NewFile(uintptr(fds[1]), "socket"), nil
}
