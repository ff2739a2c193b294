package libcontainer

import (
	"rt/internal/diag"
	"rt/libcontainer/listener"
	"rt/libcontainer/state"
)

// handListener hands the listener of the container's seccomp filter to whoever answers its calls: the agent, or rt
// itself.
func (m *maker) handListener(fd int) error {
	if m.o.Observe != nil {
		m.observer = listener.Observe(fd, m.o.Observe)
		return nil
	}
	profile := m.spec.OCI.Linux.Seccomp
	text := state.AppendProcess(nil, &m.state, state.Created, m.pid, profile.ListenerMetadata)
	return listener.HandOver(fd, m.pid, profile.ListenerPath, text)
}

// checkObserve sees to it that rt stays as long as the container does: its calls wait for rt's answers.
func (m *maker) checkObserve(detached bool) error {
	if m.o.Observe != nil && detached {
		return &diag.Error{
			Kind: diag.Usage, Field: "--seccomp-record", Problem: "needs a container in the foreground: rt itself sees its calls",
			Hint: "leave --detach out",
		}
	}
	return nil
}
