package libcontainer

import (
	"strings"

	"golang.org/x/sys/unix"

	"rt/libcontainer/cgroup"
)

// findCgroup finds the container's cgroup.
func (m *maker) findCgroup() (err error) {
	c := cgroup.Config{
		ID: m.id, Path: m.spec.CgroupsPath, Systemd: m.r.SystemdCgroup, Disabled: m.r.NoCgroup, Rootless: m.r.rootless(&m.facts),
		Annotations: m.spec.OCI.Annotations, NoPids: strings.HasPrefix(m.spec.OCI.Version, "1.3."),
	}
	c.MakesNodes = m.makesNodes()
	if l := m.spec.OCI.Linux; l != nil {
		c.Resources = l.Resources
	}
	c.OwnerUID = m.cgroupOwner()
	if m.cgroup, err = cgroup.New(c); err != nil {
		return err
	}
	m.attach = m.cgroup.Attach
	m.cgroup.DropInaccessible()
	m.facts.CgroupMode, m.facts.Hierarchies = m.cgroup.Mode(), m.cgroup.Hierarchies()
	return nil
}

// makesNodes reports whether the container's process may make device nodes that lead to the machine's devices
// (mknod(2)): with CAP_MKNOD, and not in a user namespace of its own.
func (m *maker) makesNodes() bool {
	n := &m.spec.Namespaces
	if m.facts.UserNS || n.New&unix.CLONE_NEWUSER != 0 || n.Joined(unix.CLONE_NEWUSER) != nil || m.spec.Process == nil {
		return false
	}
	c := m.spec.Process.Capabilities
	return c == nil || c.Bounding&(1<<unix.CAP_MKNOD) != 0
}

// cgroupOwner is the host's id of the container's root, if the cgroup is to be its own:
// config-linux.md#cgroup-ownership asks for a private cgroup namespace and a writable mount of it.
func (m *maker) cgroupOwner() *int {
	n := m.spec.Namespaces
	if n.New&unix.CLONE_NEWCGROUP == 0 || n.New&unix.CLONE_NEWUSER == 0 {
		return nil
	}
	for i := range m.spec.Mounts {
		mount := &m.spec.Mounts[i]
		if mount.Destination != "/sys/fs/cgroup" || mount.Bind || mount.AttrSet&unix.MOUNT_ATTR_RDONLY != 0 {
			continue
		}
		for _, u := range m.spec.UIDMappings {
			if u.ContainerID == 0 {
				owner := int(u.HostID)
				return &owner
			}
		}
	}
	return nil
}
