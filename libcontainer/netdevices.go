package libcontainer

import (
	"rt/libcontainer/netdevice"
	"rt/libcontainer/plan"
	"rt/libcontainer/supervise"
)

// moveNetDevices moves linux.netDevices into the container's network namespace.
func (m *maker) moveNetDevices(supervise.Report) (err error) {
	if m.networks, err = netdevice.Open(m.pid); err != nil {
		return err
	}
	return m.networks.Move(plan.NetDevices(m.spec), m.spec.OCI.Linux.NetDevices, &m.undo, func(s string) { m.r.warn(s) })
}
