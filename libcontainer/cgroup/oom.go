package cgroup

import (
	"strconv"
	"strings"

	"rt/internal/diag"
	"rt/libcontainer/host"

	"golang.org/x/sys/unix"
)

// OOMKilled reports whether a process of the cgroup was OOM-killed.
func (g accounting) OOMKilled() (bool, error) {
	if g.dir("memory") == "" {
		return false, nil
	}
	m, err := g.fileManager()
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
	return false, diag.Sys("the number of OOM-killed processes can't be read", "read", cause(err))
}

// OOMKills returns how many processes of the cgroup were OOM-killed; 0 if that is not known.
func (g accounting) OOMKills() uint64 {
	if g.dir("memory") == "" {
		return 0
	}
	m, err := g.fileManager()
	if err != nil {
		return 0
	}
	n, err := m.OOMKillCount()
	if err != nil {
		return 0
	}
	return n
}

// OOMError returns the error of a container that was OOM-killed while it started, or nil if it was not.
func (g accounting) OOMError() error {
	if oom, err := g.OOMKilled(); err != nil || !oom {
		dir := g.dir("memory")
		if n := g.limits.resources.Memory; g.driver == Systemd && n > 0 && unix.Access(dir, unix.F_OK) == unix.ENOENT {
			// systemd removes a scope with its last process, and its counters with it. On v1 it leaves hierarchies that
			// it does not use.
			return &diag.Error{
				Kind: diag.Kernel, Field: "linux.resources.memory.limit", Value: strconv.FormatInt(n, 10),
				Problem: "is probably too low: the container was killed while it started",
				Hint:    leastMemory + "; the kernel's log says which process was killed, and why",
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
		Problem: "is too low: the container was OOM-killed while it started",
		Hint:    "it needs more: " + leastMemory,
	}
	text, err := readFile(g.dir("memory"), limit)
	e.Value = strings.TrimSpace(text)
	if n, parseErr := strconv.ParseInt(e.Value, 10, 64); err != nil || parseErr != nil || n > 1<<60 {
		return &diag.Error{
			Kind: diag.Kernel, Problem: "the container was OOM-killed while it started",
			Hint: "it has no limit of its own: a cgroup above it, or the machine, has run out of memory",
		}
	}
	if n := g.limits.resources.Memory; n > 0 {
		e.Value = strconv.FormatInt(n, 10) // that of the config: the kernel rounds it to pages, down to 0
	}
	if text, err := readFile(g.dir("memory"), peak); err == nil && strings.TrimSpace(text) != "0" {
		e.Hint = "it used " + strings.TrimSpace(text) + " bytes when it was killed, and needs more: " + leastMemory
	}
	return e
}

// leastMemory was measured on Linux 6.12 and 6.18, see docs/performance.md.
const leastMemory = "the smallest program takes about 200 KiB"
