package libcontainer

import (
	"golang.org/x/sys/unix"

	"rt/libcontainer/rdt"
	"rt/libcontainer/state"
)

// findRdt finds the class that linux.intelRdt names.
func (m *maker) findRdt() (err error) {
	l := m.spec.OCI.Linux
	if l == nil || l.IntelRdt == nil {
		return nil
	}
	root, err := m.r.resctrlRoot()
	if err == nil {
		m.rdt, err = rdt.Find(root, m.id, l.IntelRdt)
	}
	return err
}

// rdtOf is the class of a container that is there; nil if its config asks for none.
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

// resctrlRoot is where resctrl is mounted.
func (r *Runtime) resctrlRoot() (string, error) {
	if r.resctrl != "" {
		return r.resctrl, nil
	}
	return rdt.Mounted()
}

// makeRdt makes what is missing of the class. The state knows of it already: a killed rt leaves nothing behind.
func (m *maker) makeRdt() error {
	if m.rdt == nil {
		return nil
	}
	if err := m.rdt.Make(); err != nil {
		// What another has made meanwhile is not the container's to remove.
		m.state.IntelRdt = state.IntelRdt(m.rdt.Made)
		return err
	}
	m.undo.Push(m.rdt.Undo)
	return nil
}

// joinRdt puts a process into the class.
func (m *maker) joinRdt(pid int) error {
	if m.rdt == nil {
		return nil
	}
	return m.rdt.Join(pid)
}

// enterRdt puts this thread, which must be locked, into the class of the container that exec joins: what it starts is
// born there. rt stays in it for the little that it has left to do.
func (x *executor) enterRdt() error {
	l := x.spec.OCI.Linux
	if l == nil || l.IntelRdt == nil {
		return nil
	}
	root, err := x.r.resctrlRoot()
	if err != nil {
		return err
	}
	return rdt.Of(root, x.id, l.IntelRdt).Join(unix.Gettid())
}
