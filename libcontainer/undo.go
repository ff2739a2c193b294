package libcontainer

import "golang.org/x/sys/unix"

// undo takes back what was made, in the reverse order: a container that could not be created is no container.
func (m *maker) undo() {
	if m.boot != nil {
		m.endBoot()
	}
	if m.grouped && m.cgroup.Available() {
		_ = m.cgroup.Kill(unix.SIGKILL)
		if err := m.cgroup.Destroy(); err != nil {
			m.r.warn(err.Error())
		}
		m.cgroup.Undo()
	}
	if m.rdtMade {
		m.rdt.Undo()
	}
	if m.hooked {
		m.runPoststop()
	}
	m.leaveKept()
	if m.container != nil {
		if err := m.container.Remove(); err != nil {
			m.r.warn(err.Error())
		}
	}
}

// endBoot kills the boot process, and the container's if that is another, and waits for them.
func (m *maker) endBoot() {
	m.boot.Close()
	for _, pid := range [...]int{m.pid, m.boot.Pid} {
		// Not yet waited for, so the number is still that process's.
		if pid > 0 && unix.Kill(pid, unix.SIGKILL) == nil {
			_, _ = waitPid(pid)
		}
	}
}

// close lets go of what is open, and of the lock.
func (m *maker) close() {
	if m.observer != nil {
		m.observer.finish()
	}
	if m.boot != nil {
		m.boot.Close()
	}
	m.relay.close()
	if m.cgroup != nil {
		m.cgroup.Close()
	}
	for _, fd := range [...]int{m.console, m.copyFrom} {
		if fd >= 0 {
			_ = unix.Close(fd)
		}
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
