package libcontainer

import (
	"rt/libcontainer/rdt"
	"rt/libcontainer/state"
	"rt/spec"
)

// opened is a container that is open for a command, in a status that allows it.
type opened struct {
	root      *state.Root
	container *state.Container
	state     *state.State
	status    state.Status
}

// openFor opens a container, with the lock that changing it takes, if op may be done in the status that it is in.
func (r *Runtime) openFor(op state.Op, id string, lock bool) (*opened, error) {
	root, c, err := r.open(id, lock)
	if err != nil {
		return nil, err
	}
	o := &opened{root: root, container: c}
	if o.state, o.status, err = r.status(c); err == nil {
		err = state.Allow(op, id, o.status)
	}
	if err != nil {
		o.close()
		return nil, err
	}
	return o, nil
}

func (o *opened) close() {
	o.container.Close()
	o.root.Close()
}

// rdtOf returns the class of resctrl of a container; nil if its config asks for none.
func (r *Runtime) rdtOf(o *opened) (*rdt.Group, error) {
	config, err := loadCopy(o.container, o.state)
	if err != nil {
		return nil, err
	}
	l := config.OCI.Linux
	if l == nil || l.IntelRdt == nil {
		return nil, nil
	}
	root, err := r.resctrlRoot()
	if err != nil {
		return nil, err
	}
	return rdt.Of(root, o.container.ID, l.IntelRdt), nil
}

// loadCopy reads the config that was saved with the container: config.json in the bundle may have changed since.
func loadCopy(c *state.Container, s *state.State) (*spec.Spec, error) {
	raw, err := c.Config()
	if err != nil {
		return nil, err
	}
	return spec.Parse(raw, s.Bundle, spec.LoadOptions{})
}
