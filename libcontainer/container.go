package libcontainer

import "rt/libcontainer/state"

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
