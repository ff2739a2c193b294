package plan

import (
	"golang.org/x/sys/unix"

	"rt/libcontainer/host"
	"rt/nsenter"
	"rt/spec"
)

// The root user of a user namespace may not mount a procfs, sysfs or mqueue of a namespace that belongs to another user
// namespace: a container in the host's pid, network or ipc namespace gets none of its own. But the host has mounted the
// same file system, and a bind of that stands in. It shows what a new one would, with the same permissions: the kernel
// compares the host's ids of the process with those of the files.
//
// A mount of the host that stands in is restricted. It is nosuid, noexec and nodev, and read-only with all mounts below
// it, which may be anything (CVE-2023-25809). It has no propagation, so that nothing is added later.

// HostMount is a file system of the kernel that the host has mounted.
type HostMount struct {
	Path  string
	Magic int64 // statfs(2)
	// namespace is the type of namespace that the file system shows, a CLONE_NEW* flag.
	namespace uintptr
	// writable says that the mount itself does not become read-only. A process writes to its own files in /proc: its
	// OOM score, the id maps of its children, its label. Message queues are made by mq_open(3), which needs no mount.
	writable bool
}

// The file systems that may stand in.
var (
	hostSysfs  = HostMount{Path: "/sys", Magic: unix.SYSFS_MAGIC, namespace: unix.CLONE_NEWNET}
	hostProc   = HostMount{Path: "/proc", Magic: unix.PROC_SUPER_MAGIC, namespace: unix.CLONE_NEWPID, writable: true}
	hostMqueue = HostMount{Path: "/dev/mqueue", Magic: mqueueMagic, namespace: unix.CLONE_NEWIPC}
)

// hostMount returns the HostMount for a type of file system, or nil. A map would be made at every start of rt.
func hostMount(kind string) *HostMount {
	switch kind {
	case "sysfs":
		return &hostSysfs
	case "proc":
		return &hostProc
	case "mqueue":
		return &hostMqueue
	}
	return nil
}

const mqueueMagic = 0x19800202 // MQUEUE_MAGIC of the kernel's ipc/mqueue.c

// StandIn returns the mount of the host that may stand in for m, or nil. The caller has to check that it exists:
// Options.Sources.
//
// A sysfs is bound even if the network namespace is new: a /sys that is partly covered keeps the kernel from mounting
// another one, and its content hardly depends on that namespace. Processes and message queues of another namespace are
// not the container's. A bind mount takes no options of the file system itself, such as hidepid.
func StandIn(s *spec.Spec, f *host.Facts, m *spec.Mount) *HostMount {
	h := hostMount(m.Type)
	switch {
	case h == nil, m.Bind, m.Remount, m.Data != "", m.SuperFlags != 0:
	case !s.Namespaces.Has(unix.CLONE_NEWUSER) && !f.UserNS:
	case !f.Has(host.MountSetattr): // older kernels can't restrict what is below
	case s.Namespaces.Has(h.namespace) && m.Type != "sysfs":
	default:
		return h
	}
	return nil
}

// standIn returns the mount of the host that stands in for m, if the host has it.
func (c fileSystems) standIn(m *spec.Mount) (*HostMount, bool) {
	_, made := c.standInFile(m)
	if !made && (m.Index < 0 || m.Index >= len(c.opt.Sources) || c.opt.Sources[m.Index] != SourceHost) {
		return nil, false
	}
	h := StandIn(c.spec, c.host, m)
	return h, h != nil
}

// standInFile returns the descriptor of a stand-in that rt makes itself: the message queues need not be mounted on the
// host.
func (c fileSystems) standInFile(m *spec.Mount) (nsenter.FD, bool) {
	return c.findFile(func(f *File) bool { return f.Kind == FileMqueue && f.Index == m.Index })
}

// bindHost binds the host's mount instead of a new file system.
func (c fileSystems) bindHost(m *spec.Mount, h *HostMount, tree nsenter.Reg) {
	const restricted = unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NOEXEC | unix.MOUNT_ATTR_NODEV
	origin := mountPath(m, "")
	sentence := "fall back to the " + m.Type + " of the host"
	if fd, ok := c.standInFile(m); ok {
		c.call(origin, sentence, nsenter.Fcntl, nsenter.Num(fd),
			nsenter.Flags(&nsenter.FcntlCommands, unix.F_DUPFD_CLOEXEC), nsenter.Imm(0)).into(tree)
	} else {
		c.call(origin, sentence, nsenter.OpenTree, nsenter.Cwd, nsenter.Str(h.Path),
			nsenter.Flags(&nsenter.OpenTreeFlags,
				unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_RECURSIVE)).into(tree)
	}
	c.setAttributes(origin, "make it and all mounts below read-only", tree,
		restricted|m.AttrSet&^unix.MOUNT_ATTR__ATIME, 0, unix.MS_PRIVATE, true)
	if h.writable && m.AttrSet&unix.MOUNT_ATTR_RDONLY == 0 {
		// EPERM: the host's is read-only itself, and so is this one.
		c.setAttributes(origin, "make the mount itself writable again", tree, 0, unix.MOUNT_ATTR_RDONLY, 0,
			false).ignore(unix.EPERM)
	}
	c.setPropagation(m, tree)
	c.openMountPoint(mountPath(m, "destination"), m.Destination, true, howFor(m, true))
	c.attach(origin, tree, regTarget)
}
