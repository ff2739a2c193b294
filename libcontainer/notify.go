package libcontainer

import (
	"golang.org/x/sys/unix"

	"rt/libcontainer/notify"
	"rt/libcontainer/plan"
	"rt/libcontainer/process"
	"rt/libcontainer/state"
)

// lookForNotify finds out whether the container gets a socket for its service manager.
func (m *maker) lookForNotify() error {
	if m.spec.Process == nil || !m.r.Command {
		return nil
	}
	if wanted, err := notify.Wanted(m.spec.Process.Env); !wanted || err != nil {
		return err
	}
	if m.spec.Namespaces.New&unix.CLONE_NEWNS == 0 {
		m.r.warn(notify.Env + " is not passed on: it takes a mount in the container, which has no mount namespace of its own")
		return nil
	}
	root, err := m.r.rootPath()
	m.options.Notify = root + "/" + m.id + "/" + state.NotifyDir
	return err
}

// makeNotify makes the directory that is mounted in the container, and for `rt run` the socket too.
func (m *maker) makeNotify() (err error) {
	if err = m.container.MakeNotify(); err == nil && !m.wait {
		m.relay, err = m.r.newRelay(m.container)
	}
	return err
}

// newRelay makes the container's socket. It returns nil if there is nobody to relay to, or the container does not mount
// its directory.
func (r *Runtime) newRelay(c *state.Container) (*notify.Relay, error) {
	if !r.Command || !c.HasNotify() {
		return nil, nil
	}
	relay, warning, err := notify.NewRelay(c.SocketPath(state.NotifyDir + "/" + plan.NotifySocket))
	if warning != "" {
		r.warn(warning)
	}
	return relay, err
}

// waitReady relays until the container is ready, and says that its process is the service's from then on. Others can do
// what they want with the container meanwhile. A nil relay relays nothing.
func waitReady(relay *notify.Relay, c *state.Container, s *state.State) error {
	if relay == nil {
		return nil
	}
	c.Unlock()
	return relay.Wait(process.Open(s.Pid, s.StartTime), s.Pid)
}
