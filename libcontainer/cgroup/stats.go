package cgroup

import (
	"rt/libcontainer/diag"

	"github.com/opencontainers/cgroups"
)

// Stats is the accounting of a container, of the shape that `events --stats` shows under "data".
type Stats = cgroups.Stats

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
