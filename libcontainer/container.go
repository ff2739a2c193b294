package libcontainer

import (
	"cmp"
	"context"

	"rt/internal/diag"
	"rt/libcontainer/caller"
	"rt/libcontainer/cgroup"
	"rt/libcontainer/hook"
	"rt/libcontainer/rdt"
	"rt/libcontainer/state"
	"rt/spec"
)

// Container is a handle of one container: [Runtime.Create] and [Runtime.Container] return one. It has an ID and the
// settings of its Runtime, and nothing is open in it, so there is nothing to close. What the container is in the
// meantime is read from the state directory and the kernel by each call. Several goroutines and processes may work on
// one container: those calls that change it wait for each other, at most ten seconds.
type Container struct {
	ID string
	// Created is what Create has reported; of a handle of Runtime.Container it is the zero value.
	Created Result

	runtime Runtime
}

// Container returns a handle of a container that has this ID. It examines nothing: if there is no such container, the
// methods of the handle return an [Error] of the kind [Absent].
func (r *Runtime) Container(id string) *Container { return &Container{ID: id, runtime: *r} }

// opened is a container that is open for a command, in a status that allows it.
type opened struct {
	root      *state.Root
	container *state.Container
	state     *state.State
	status    state.Status
}

// begin begins a call of a method, unless ctx is cancelled already.
func (c *Container) begin(ctx context.Context) (*caller.Caller, error) {
	by := c.runtime.call(ctx)
	return by, by.Cancelled()
}

// open opens the directory of the container, with the lock that changing it takes.
func (c *Container) open(by *caller.Caller, lock bool) (*opened, error) {
	root, err := c.runtime.root(by)
	if err != nil {
		return nil, err
	}
	dir, err := root.Open(c.ID, lock)
	if err != nil {
		root.Close()
		return nil, err
	}
	return &opened{root: root, container: dir}, nil
}

// openFor opens the container, with the lock that changing it takes, if op may be done in the status that it is in.
func (c *Container) openFor(by *caller.Caller, op state.Op, lock bool) (*opened, error) {
	o, err := c.open(by, lock)
	if err != nil {
		return nil, err
	}
	if err = o.read(); err == nil {
		err = state.Allow(op, c.ID, o.status)
	}
	if err != nil {
		o.close()
		return nil, err
	}
	return o, nil
}

// read reads the state and derives the status.
func (o *opened) read() (err error) {
	o.state, o.status, err = statusOf(o.container)
	return err
}

func (o *opened) close() {
	o.container.Close()
	o.root.Close()
}

// changeCgroup does something to the cgroup.
func (o *opened) changeCgroup(op state.Op, do func(*cgroup.Group) error) error {
	g, err := o.loadCgroup()
	if err != nil {
		return err
	}
	defer g.Close()
	if !g.Available() {
		return g.NoCgroupError("can't " + string(op))
	}
	return do(g)
}

// loadCgroup finds the cgroup.
func (o *opened) loadCgroup() (*cgroup.Group, error) {
	return cgroup.Load(cgroup.Saved(o.state.Cgroup))
}

// config reads the config that was saved with the container: config.json in the bundle may have changed since.
func (o *opened) config() (*spec.Spec, error) {
	raw, err := o.container.Config()
	if err != nil {
		return nil, err
	}
	return spec.Parse(raw, o.state.Bundle, spec.LoadOptions{})
}

// rdt returns the class of resctrl; nil if the config asks for none.
func (o *opened) rdt(resctrl func() (string, error)) (*rdt.Group, error) {
	config, err := o.config()
	if err != nil {
		return nil, err
	}
	l := config.OCI.Linux
	if l == nil || l.IntelRdt == nil {
		return nil, nil //nolint:nilnil // no class is no error
	}
	root, err := resctrl()
	if err != nil {
		return nil, err
	}
	return rdt.Of(root, o.container.ID, l.IntelRdt), nil
}

// hooks are the hooks of the container.
func (c *Container) hooks(by *caller.Caller, o *opened, config *spec.Spec) *hook.Hooks {
	return &hook.Hooks{Spec: config, State: o.state, Dir: o.container, Caller: by, Resctrl: c.runtime.resctrlRoot}
}

// statusOf reads the state of a container and derives its status.
func statusOf(c *state.Container) (*state.State, state.Status, error) {
	s, err := c.State()
	if err != nil {
		return nil, "", err
	}
	status, err := derive(c, s, nil)
	if err != nil {
		return nil, "", err
	}
	return s, status, nil
}

// derive derives the status of a container with the state s. alive says whether its process is, if that is known.
func derive(c *state.Container, s *state.State, alive *bool) (state.Status, error) {
	var unknown error
	status, err := c.Status(s, alive, func() bool {
		frozen, err := cgroup.Saved(s.Cgroup).Frozen()
		if diag.Starved(err) {
			unknown = err
		}
		return err == nil && frozen
	})
	return status, cmp.Or(err, unknown)
}
