package cgroup

import (
	"rt/internal/diag"

	"github.com/opencontainers/cgroups"
)

// accounting reads what the processes of the cgroup have used, and how often a limit stopped them.
type accounting struct{ *cgroupSet }

// Stats is the accounting of a container, in the shape that `events --stats` prints under "data".
type Stats = cgroups.Stats

// The types of the members of Stats that occur more than once.
type (
	Pressure   = cgroups.PSIStats
	BlockEntry = cgroups.BlkioStatEntry
	MemoryUse  = cgroups.MemoryData
)

// Stats reads the accounting of every controller that the cgroup has, and on v2 the pressure (PSI) of cpu, memory and
// io.
func (g accounting) Stats() (*Stats, error) {
	m, err := g.fileManager()
	if err != nil {
		return nil, err
	}
	s, err := m.GetStats()
	if err != nil {
		return nil, &diag.Error{Kind: diag.Kernel, Problem: "the accounting of the cgroup can't be read", Err: err}
	}
	return s, nil
}
