package cgroup

import (
	"strconv"
	"strings"

	"rt/internal/diag"
	"rt/libcontainer/host"

	"golang.org/x/sys/unix"
)

// OOMKilled reports whether the kernel killed a process of the cgroup for want of memory, to explain a death.
func (g *Group) OOMKilled() (bool, error) {
	if g.dir("memory") == "" {
		return false, nil
	}
	m, err := g.files()
	if err != nil {
		return false, err
	}
	n, err := m.OOMKillCount()
	switch cause(err) {
	case nil:
		return n > 0, nil
	case unix.ENOENT, unix.ENODEV:
		return false, nil // the controller is not enabled, or the cgroup is gone
	}
	return false, diag.Sys("the count of processes killed for want of memory can't be read", "read", cause(err))
}

// Starved is the error of a container that was killed with SIGKILL while it started because its memory limit is too low, or nil if that is not why.
func (g *Group) Starved() error {
	if oom, err := g.OOMKilled(); err != nil || !oom {
		if n := g.limits.resources.Memory; g.driver == Systemd && n > 0 && g.gone() {
			// A scope goes with its last process, and what the kernel has counted with it.
			return &diag.Error{
				Kind: diag.Kernel, Field: "linux.resources.memory.limit", Value: strconv.FormatInt(n, 10),
				Problem: "is too low, as it seems: the container was killed while it started",
				Hint:    leastMemory + "; see the kernel's log for who was killed, and why",
			}
		}
		return nil
	}
	limit, peak := "memory.limit_in_bytes", "memory.max_usage_in_bytes"
	if g.mode == host.CgroupV2 {
		limit, peak = "memory.max", "memory.peak" // Linux 5.19
	}
	e := &diag.Error{
		Kind: diag.Kernel, Field: "linux.resources.memory.limit",
		Problem: "is too low: the kernel killed the container for want of memory while it started",
		Hint:    "it needs more than that: " + leastMemory,
	}
	text, err := readFile(g.dir("memory"), limit)
	e.Value = strings.TrimSpace(text)
	if n, parseErr := strconv.ParseInt(e.Value, 10, 64); err != nil || parseErr != nil || n > 1<<60 {
		return &diag.Error{
			Kind: diag.Kernel, Problem: "the kernel killed the container for want of memory while it started",
			Hint: "it has no limit of its own: a cgroup above it, or the machine, has run out of memory",
		}
	}
	if text, err := readFile(g.dir("memory"), peak); err == nil {
		e.Hint = "it had taken " + strings.TrimSpace(text) + " bytes when it was killed, and needs more: " + leastMemory
	}
	return e
}

// leastMemory is what was measured on Linux 6.12 and 6.18, see docs/performance.md.
const leastMemory = "the smallest program takes about 200 KiB, others what they need"
