package inspect

import (
	"strings"

	"golang.org/x/sys/unix"

	"rt/libcontainer/cgroup"
	"rt/libcontainer/host"
	"rt/spec"
)

// Cgroup returns the properties of the container's cgroup in config.json. The caller adds the ID, the driver, and
// whether rt is rootless.
func Cgroup(s *spec.Spec, facts *host.Facts) cgroup.Config {
	c := cgroup.Config{
		Path: s.CgroupsPath, Annotations: s.OCI.Annotations, NoPids: strings.HasPrefix(s.OCI.Version, "1.3."),
		MakesNodes: makesNodes(s, facts), OwnerUID: cgroupOwner(s),
	}
	if l := s.OCI.Linux; l != nil {
		c.Resources = l.Resources
	}
	return c
}

// makesNodes reports whether the container can create working device nodes (mknod(2)): it has CAP_MKNOD, and no user
// namespace of its own.
func makesNodes(s *spec.Spec, facts *host.Facts) bool {
	n := &s.Namespaces
	if facts.UserNS || n.New&unix.CLONE_NEWUSER != 0 || n.Joined(unix.CLONE_NEWUSER) != nil || s.Process == nil {
		return false
	}
	c := s.Process.Capabilities
	return c == nil || c.Bounding&(1<<unix.CAP_MKNOD) != 0
}

// cgroupOwner returns the host's ID of the container's root, if that must own the cgroup: with a new cgroup namespace
// and a writable cgroup mount (config-linux.md#cgroup-ownership). Otherwise it returns nil.
func cgroupOwner(s *spec.Spec) *int {
	n := s.Namespaces
	if n.New&unix.CLONE_NEWCGROUP == 0 || n.New&unix.CLONE_NEWUSER == 0 {
		return nil
	}
	for i := range s.Mounts {
		m := &s.Mounts[i]
		if m.Destination != "/sys/fs/cgroup" || m.Bind || m.AttrSet&unix.MOUNT_ATTR_RDONLY != 0 {
			continue
		}
		for _, u := range s.UIDMappings {
			if u.ContainerID == 0 {
				owner := int(u.HostID)
				return &owner
			}
		}
	}
	return nil
}
