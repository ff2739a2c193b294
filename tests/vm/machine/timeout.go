package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// endAfter ends a context when a process has had its time. Time in which the process waits for a processor does not
// count: an emulated machine on a busy host takes many times as long, and that is no reason to end it. Time in which it
// sleeps does.
func endAfter(ctx context.Context, end context.CancelCauseFunc, pid int, timeout time.Duration) {
	const interval = time.Second
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for began, before := time.Now(), waited(pid); ; {
		select {
		case <-ctx.Done():
			return
		case now := <-ticker.C:
			if now.Sub(began)-(waited(pid)-before) >= timeout {
				end(context.DeadlineExceeded)
				return
			}
		}
	}
}

// tellWaiting writes at each interval in which a process waited for a processor most of the time: the timeouts of what
// runs in a machine, systemd's among them, do count that.
func tellWaiting(ctx context.Context, pid int, interval time.Duration, to io.Writer) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for before := waited(pid); ; {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			now := waited(pid)
			if spent := now - before; spent > interval*3/4 {
				fmt.Fprintf(to, "machine: of the last %s it waited %s for a processor: the host is too busy\n",
					interval, spent.Round(time.Second/10))
			}
			before = now
		}
	}
}

// waited returns how long the thread of a process that has waited most has waited for a processor: the second number
// of /proc/PID/task/TID/schedstat, in nanoseconds (Documentation/scheduler/sched-stats.rst of Linux). It is 0 if the
// kernel does not count it.
func waited(pid int) time.Duration {
	threads, _ := filepath.Glob("/proc/" + strconv.Itoa(pid) + "/task/*/schedstat")
	var longest time.Duration
	for _, path := range threads {
		text, _ := os.ReadFile(path)
		if fields := strings.Fields(string(text)); len(fields) > 1 {
			ns, _ := strconv.ParseInt(fields[1], 10, 64)
			longest = max(longest, time.Duration(ns))
		}
	}
	return longest
}
