package libcontainer

import (
	"cmp"
	"context"

	"rt/internal/diag"
	"rt/libcontainer/caller"
	"rt/libcontainer/cgroup"
	"rt/libcontainer/hook"
	"rt/libcontainer/process"
	"rt/libcontainer/rdt"
	"rt/libcontainer/state"
	"rt/spec"
)

// Container is a handle of one container, from [Runtime.Create] or [Runtime.Container]. It consists of an ID and the
// settings of its Runtime, and has nothing to close. Each call reads the state directory and asks the kernel about the
// container. Several goroutines and processes may call methods for the same container at once: those that change it
// wait for each other, at most ten seconds.
type Container struct {
	ID string
	// Created is the Result of Runtime.Create. Handles from Runtime.Container have the zero value.
	Created Result

	runtime Runtime
}

// Container returns a handle of the container with this ID. It does not check that the container exists: if it does
// not, the methods of the handle return an [Error] of the kind [Absent].
func (r *Runtime) Container(id string) *Container { return &Container{ID: id, runtime: *r} }

// openContainer is an open directory of a container, and after read its state and status.
type openContainer struct {
	root      *state.Root
	container *state.Container
	state     *state.State
	status    state.Status
}

// begin begins a call of a method, unless ctx is cancelled already.
func (c *Container) begin(ctx context.Context) (*caller.Caller, error) {
	caller := c.runtime.call(ctx)
	return caller, caller.Cancelled()
}

// open opens the directory of the container. Methods that change the container need the lock.
func (c *Container) open(caller *caller.Caller, lock bool) (*openContainer, error) {
	root, err := c.runtime.root(caller)
	if err != nil {
		return nil, err
	}
	dir, err := root.Open(c.ID, lock)
	if err != nil {
		root.Close()
		return nil, err
	}
	return &openContainer{root: root, container: dir}, nil
}

// openFor opens the container as open does, and reads its state. It returns an error of the kind [WrongStatus] if the
// status does not allow op.
func (c *Container) openFor(caller *caller.Caller, op state.Op, lock bool) (*openContainer, error) {
	o, err := c.open(caller, lock)
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
func (o *openContainer) read() (err error) {
	o.state, o.status, err = statusOf(o.container)
	return err
}

// examine calls do with the container, open without the lock.
func (c *Container) examine(ctx context.Context, do func(*openContainer) error) error {
	caller, err := c.begin(ctx)
	if err != nil {
		return err
	}
	o, err := c.open(caller, false)
	if err != nil {
		return err
	}
	defer o.close()
	return do(o)
}

// openInit returns a pidfd of the init, which the caller closes. It returns the error of op for a stopped container if
// the init has ended.
func (o *openContainer) openInit(op state.Op) (int, error) {
	pidfd, err := process.Open(o.state.Pid, o.state.StartTime)
	if err == nil && pidfd < 0 {
		err = state.Allow(op, o.container.ID, state.Stopped)
	}
	return pidfd, err
}

func (o *openContainer) close() {
	o.container.Close()
	o.root.Close()
}

// changeCgroup calls do with the cgroup. It returns an error if the container has no cgroup of its own.
func (o *openContainer) changeCgroup(op state.Op, do func(*cgroup.Group) error) error {
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

// loadCgroup returns the cgroup that the state names.
func (o *openContainer) loadCgroup() (*cgroup.Group, error) { return loadCgroup(o.state) }

// loadCgroup returns the cgroup of a container. One that has ended has none any more if another container uses it.
func loadCgroup(s *state.State) (*cgroup.Group, error) {
	g, err := cgroup.Load(cgroup.Saved(s.Cgroup))
	if err != nil || !g.IsTaken() {
		return g, err
	}
	if alive, err := state.Alive(s.Pid, s.StartTime); err == nil && !alive {
		g.LeaveToOthers()
	}
	return g, nil
}

// holdCgroup returns the cgroup of a container whose init has ended, if no other container uses it. Until the caller
// closes it no other container does.
func (o *openContainer) holdCgroup() (*cgroup.Group, error) {
	g, err := o.loadCgroup()
	if err == nil {
		g.LeaveToOthers()
	}
	return g, err
}

// config reads the copy of config.json that create has saved: the file in the bundle may have changed since.
func (o *openContainer) config() (*spec.Spec, error) {
	raw, err := o.container.Config()
	if err != nil {
		return nil, err
	}
	return spec.Parse(raw, o.state.Bundle, spec.LoadOptions{})
}

// rdt returns the class of linux.intelRdt; nil without that.
func (o *openContainer) rdt(resctrl func() (string, error)) (*rdt.Group, error) {
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
	return rdt.Load(root, o.container.ID, l.IntelRdt), nil
}

// hooks returns the hooks of the container.
func (c *Container) hooks(caller *caller.Caller, o *openContainer, config *spec.Spec) *hook.Hooks {
	return &hook.Hooks{Spec: config, State: o.state, Dir: o.container, Caller: caller, Resctrl: c.runtime.resctrlRoot}
}

// statusOf reads the state of a container and derives its status.
func statusOf(c *state.Container) (*state.State, state.Status, error) {
	s, err := c.State()
	if err != nil {
		return nil, "", err
	}
	status, err := deriveStatus(c, s, nil)
	if err != nil {
		return nil, "", err
	}
	return s, status, nil
}

// deriveStatus returns the status of a container with the state s. alive says whether its init is alive; nil asks the
// kernel.
func deriveStatus(c *state.Container, s *state.State, alive *bool) (state.Status, error) {
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
