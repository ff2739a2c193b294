package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// run runs a command in a new machine, and returns its exit status or one of machine's own.
func (m machine) run(o order) (int, error) {
	if err := m.build(); err != nil {
		return statusFailure, err
	}
	share, err := archive(o.share, o.command)
	if err != nil {
		return statusFailure, err
	}
	defer share.Close()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	ours, theirs, err := socketPair()
	if err != nil {
		return statusFailure, err
	}
	defer ours.Close()
	status := &statusPort{first: make(chan struct{})}
	p, err := m.start(ctx, start{
		image: filepath.Join(rootDir(m.suite, m.arch, m.engines), "root.img"), share: share, verbose: o.verbose,
		output:  []port{{"status", status}, {"stdout", os.Stdout}, {"stderr", os.Stderr}},
		control: theirs,
	})
	theirs.Close()
	if err != nil {
		return statusFailure, err
	}
	w := watch{pid: p.pid, status: status, control: ours, timeout: o.timeout}
	go w.expire(ctx, end)
	go tellWaiting(ctx, p.pid, 5*time.Minute, os.Stderr)
	err = <-p.ended
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, errNotBooted):
		return statusTimeout, fmt.Errorf("%w. The end of its console:\n%s", cause, tail(p.console.bytes(), 3000))
	case errors.Is(cause, context.DeadlineExceeded) || w.asked.Load():
		return statusTimeout, fmt.Errorf("the machine has not ended in %s", o.timeout)
	case cause != nil:
		return 128 + int(syscall.SIGTERM), cause
	}
	return conclude(p, status.String(), err)
}

// conclude reads what came through the port status: a line of facts, and then the exit status of the command.
func conclude(p *process, status string, err error) (int, error) {
	facts, code, _ := strings.Cut(strings.TrimSpace(status), "\n")
	if path := os.Getenv("MACHINE_FACTS"); path != "" && facts != "" {
		if err := os.WriteFile(path, []byte(facts+"\n"), 0o644); err != nil {
			return statusFailure, err
		}
	}
	if number, err := strconv.Atoi(code); err == nil {
		return number, nil
	}
	if err == nil {
		err = errors.New("QEMU ended without an error")
	}
	return statusFailure, fmt.Errorf("the machine ended before the command: %s (%w). The end of its console:\n%s",
		code, err, tail(p.console.bytes(), 3000))
}
