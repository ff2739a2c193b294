package cgroup

import (
	"rt/internal/diag"

	"github.com/opencontainers/cgroups"
)

// Stats is the accounting of a container, of the shape that `events --stats` shows under "data".
type Stats = cgroups.Stats

// The parts of Stats that it has more than one of.
type (
	Pressure   = cgroups.PSIStats
	BlockEntry = cgroups.BlkioStatEntry
	MemoryUse  = cgroups.MemoryData
)

// Stats reads the accounting of every controller that the cgroup has, and on v2 the pressure (PSI) of cpu, memory and io.
func (g *Group) Stats() (*Stats, error) {
	m, err := g.files()
	if err != nil {
		return nil, err
	}
	s, err := m.GetStats()
	if err != nil {
		return nil, &diag.Error{Kind: diag.Kernel, Problem: "the accounting of the cgroup can't be read", Err: err}
	}
	return s, nil
}
