package libcontainer

import "slices"

import "golang.org/x/sys/unix"

// undoStack is how to take back what was done: whoever does something pushes what takes it back, and a failure runs all
// of it, the last first. A container that could not be created is no container.
type undoStack struct{ entries []*undoEntry }

// undoEntry takes one thing back.
type undoEntry struct{ run func() }

// push adds what takes back the thing that was done last.
func (u *undoStack) push(run func()) *undoEntry {
	e := &undoEntry{run}
	u.entries = append(u.entries, e)
	return e
}

// clear makes everything a thing that stays.
func (u *undoStack) clear() { u.entries = nil }

// run takes everything back.
func (u *undoStack) run() {
	for _, v := range slices.Backward(u.entries) {
		if e := v; e.run != nil {
			e.run()
		}
	}
	u.entries = nil
}

// close lets go of what is open, and of the lock.
func (m *maker) close() {
	if m.observer != nil {
		m.observer.finish()
	}
	if m.session != nil {
		m.session.Boot.Close()
	}
	m.relay.close()
	if m.cgroup != nil {
		m.cgroup.Close()
	}
	for _, fd := range [...]int{m.console.master, m.copyFrom} {
		if fd >= 0 {
			_ = unix.Close(fd)
		}
	}
	if m.networks != nil {
		m.networks.close()
	}
	if m.kept != nil && m.kept.fd >= 0 {
		_ = unix.Close(m.kept.fd)
	}
	if m.container != nil {
		m.container.Close()
	}
	if m.root != nil {
		m.root.Close()
	}
}
