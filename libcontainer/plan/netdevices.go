package plan

import (
	"slices"

	"rt/internal/diag"
	"rt/nsenter"
	"rt/spec"
)

// moveDevices has rt move linux.netDevices into the container's network namespace (config-linux.md, Network Devices),
// which the process has entered by now. That requires netlink in both namespaces, and answers that must be parsed: a
// list of steps can't do that.
func (c namespaces) moveDevices() error {
	l := c.spec.OCI.Linux
	if l == nil || len(l.NetDevices) == 0 {
		return nil
	}
	const origin = "linux.netDevices"
	if c.host.EUID != 0 {
		return &diag.Error{
			Kind: diag.Host, Field: origin,
			Problem: "requires root's rights on the host: only CAP_NET_ADMIN may move a device out of its network " +
				"namespace",
		}
	}
	var does []string
	for _, name := range NetDevices(c.spec) {
		sentence := "move the network device " + name
		if as := l.NetDevices[name].Name; as != "" && as != name {
			sentence += " and name it " + as
		}
		does = append(does, sentence)
	}
	c.report(origin, "ask rt to move the network devices", nsenter.Nowhere).sync(SyncNetDevices, does...)
	c.await("wait until rt has moved the devices")
	return nil
}

// NetDevices returns the names of linux.netDevices on the host, in the order in which rt moves them.
func NetDevices(s *spec.Spec) []string {
	names := make([]string, 0, len(s.OCI.Linux.NetDevices))
	for name := range s.OCI.Linux.NetDevices {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
