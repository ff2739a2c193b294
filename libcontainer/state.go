package libcontainer

import (
	"rt/libcontainer/cgroup"
	"rt/libcontainer/state"
)

// State returns what is known of a container, and its status at this moment.
func (r *Runtime) State(id string) (*state.State, state.Status, error) {
	root, c, err := r.open(id, false)
	if err != nil {
		return nil, "", err
	}
	defer root.Close()
	defer c.Close()
	return r.status(c)
}

// status reads the state of a container and derives its status.
func (r *Runtime) status(c *state.Container) (*state.State, state.Status, error) {
	s, err := c.State()
	if err != nil {
		return nil, "", err
	}
	return s, r.statusOf(c, s), nil
}

// statusOf derives the status of a container with the state s.
func (r *Runtime) statusOf(c *state.Container, s *state.State) state.Status {
	return c.Status(s, func() bool {
		g, err := cgroup.Load(cgroup.Saved(s.Cgroup))
		if err != nil {
			return false
		}
		frozen, err := g.Frozen()
		return err == nil && frozen
	})
}
