package cgroup

import (
	"strconv"
	"strings"
)

// ForksRefused returns how many forks the limit of processes has refused in the cgroup: pids.events (cgroup-v2.rst,
// "PID"). It is 0 if that can't be read.
func (g accounting) ForksRefused() uint64 {
	dir := g.dir("pids")
	if dir == "" {
		return 0
	}
	text, err := readFile(dir, "pids.events")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(text) {
		if count, ok := strings.CutPrefix(strings.TrimSpace(line), "max "); ok {
			n, err := strconv.ParseUint(count, 10, 64)
			if err != nil {
				return 0
			}
			return n
		}
	}
	return 0
}
