package plan

import (
	"strconv"

	"golang.org/x/sys/unix"

	"rt/libcontainer/host"
	"rt/nsenter"
	"rt/spec"
)

// listFiles lists the descriptors that the boot process inherits behind those of the user's program, and names them.
func (c container) listFiles() {
	add := func(name string, f File) {
		c.plan.Files = append(c.plan.Files, f)
		c.plan.FDs = append(c.plan.FDs, name)
	}
	if c.treesByRT() {
		bindMounts{mounter{c.compiler}}.listTrees(add)
	}
	for _, j := range c.spec.Namespaces.Join {
		add(namespaceWord(j.Flag)+"-ns", File{
			Kind: FileNamespace, Path: j.Path, Flag: j.Flag, Index: -1,
			Origin: j.Field(),
		})
	}
	if c.treesByRT() {
		if c.opt.Layer == nil {
			add("rootfs-tree", File{Kind: FileTree, Path: c.spec.Rootfs, Index: -1, Origin: "root.path"})
		}
		for i := range c.spec.Mounts {
			if m := &c.spec.Mounts[i]; m.Type == "mqueue" && StandIn(c.spec, c.host, m) != nil {
				add("mqueue"+strconv.Itoa(i), File{
					Kind: FileMqueue, Path: m.Type, Index: i,
					Origin: mountPath(m, "type"),
				})
			}
		}
	}
	if c.devicesByRT() {
		devices{mounter{c.compiler}}.listNodes(add)
	}
	if c.opt.Notify != "" && c.treesByRT() {
		add("notify-tree", File{Kind: FileNotify, Path: c.opt.Notify, Index: -1, Origin: notifyOrigin})
	}
	if c.opt.CgroupFD {
		add("cgroup", File{Kind: FileCgroup, Index: -1, Origin: "linux.cgroupsPath"})
	}
	for i, path := range c.opt.CgroupJoins {
		add("cgroup"+strconv.Itoa(i), File{Kind: FileJoin, Path: path, Index: i, Origin: "linux.cgroupsPath"})
	}
	for i := range c.spec.Mounts {
		if m := &c.spec.Mounts[i]; m.IDMap && !c.treesByRT() {
			add("idmap"+strconv.Itoa(i), File{Kind: FileIDMap, Index: i, Origin: mountPath(m, "uidMappings")})
		}
	}
	add("spare", File{Kind: FileSpare, Path: "/dev/null", Index: -1})
	if c.opt.Wait {
		// The last one: those before it are closed when the container waits (see awaitStart).
		add("start", File{Kind: FileStart, Index: -1})
	}
	c.plan.FirstFD = 3 + c.opt.PreserveFDs
	c.plan.Ctl = nsenter.FD(len(c.plan.FDs))
	c.plan.FDs = append(c.plan.FDs, "ctl")
}

// treesByRT reports whether rt itself clones the bind sources and the root file system, with its own rights: the root
// user of a user namespace may not be able to reach paths that only the host's root can reach. Only a privileged rt can
// clone them.
func (c *input) treesByRT() bool {
	if !c.host.Has(host.MountSetattr) {
		return false // rt could not take the copies out of the host's propagation
	}
	if c.joins == joinsMount {
		return c.host.MayMount // without a user namespace too: the host's paths are not those of the container
	}
	return c.spec.Namespaces.Has(unix.CLONE_NEWUSER) && c.hasMountNamespace() && c.host.EUID == 0 && c.host.MayMount
}

// copiedByRT reports whether rt clones the source of a bind mount beforehand, if it clones any: not where an earlier
// mount may bring the source, and not where a link is copied and nothing mounted. For a mount with mapped ids there is
// no other way.
func (c *input) copiedByRT(i int, m *spec.Mount) bool {
	if i < len(c.opt.Links) && c.opt.Links[i] != "" {
		return false
	}
	return m.IDMap || c.joins == joinsMount || i >= len(c.opt.Sources) || c.opt.Sources[i] != SourceLater
}

// namespaceWord returns the name of a type of namespace in /proc/PID/ns.
func namespaceWord(flag uintptr) string {
	switch flag {
	case unix.CLONE_NEWUSER:
		return "user"
	case unix.CLONE_NEWPID:
		return "pid"
	case unix.CLONE_NEWNET:
		return "net"
	case unix.CLONE_NEWIPC:
		return "ipc"
	case unix.CLONE_NEWUTS:
		return "uts"
	case unix.CLONE_NEWNS:
		return "mnt"
	case unix.CLONE_NEWCGROUP:
		return "cgroup"
	case unix.CLONE_NEWTIME:
		return "time"
	}
	panic("plan: no such type of namespace")
}
