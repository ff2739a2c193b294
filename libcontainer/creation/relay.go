package creation

import (
	"rt/libcontainer/caller"
	"rt/libcontainer/notify"
	"rt/libcontainer/plan"
	"rt/libcontainer/process"
	"rt/libcontainer/state"
)

// NewRelay creates the container's notify socket. It returns nil if there is no service manager, or the container does
// not mount the directory of the socket.
func NewRelay(caller *caller.Caller, c *state.Container) (*notify.Relay, error) {
	if !caller.Command || !c.HasNotify() {
		return nil, nil
	}
	relay, warning, err := notify.NewRelay(c.SocketPath(state.NotifyDir + "/" + plan.NotifySocket))
	if warning != "" {
		caller.Warn(warning)
	}
	return relay, err
}

// WaitReady relays until the container is ready, and makes its init the main process of the service. It releases the
// lock of the container meanwhile. A nil relay relays nothing.
func WaitReady(relay *notify.Relay, c *state.Container, s *state.State) error {
	if relay == nil {
		return nil
	}
	c.Unlock()
	pidfd, err := process.Open(s.Pid, s.StartTime)
	if err != nil {
		return err
	}
	return relay.Wait(pidfd, s.Pid)
}
