package libcontainer

// close closes what is open, and releases the lock.
func (m *maker) close() {
	if m.observer != nil {
		m.observer.Finish()
	}
	if m.session != nil {
		m.session.Boot.Close()
	}
	m.relay.Close()
	if m.cgroup != nil {
		m.cgroup.Close()
	}
	m.console.Close()
	m.streams.close()
	m.rootfs.Close()
	m.networks.Close()
	if m.overlay != nil {
		m.overlay.Close()
	}
	if m.container != nil {
		m.container.Close()
	}
	if m.root != nil {
		m.root.Close()
	}
}
