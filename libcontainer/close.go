package libcontainer

import (
	"golang.org/x/sys/unix"

	"rt/internal/sys"
)

// close closes what is open, and releases the lock.
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
	m.console.Close()
	sys.CloseAll(m.copyFrom)
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
