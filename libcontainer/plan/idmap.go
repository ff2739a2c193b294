package plan

import (
	"encoding/binary"
	"strings"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/libcontainer/host"
	"rt/nsenter"
	"rt/spec"
)

// An id-mapped mount (config.md#posix-platform-mounts, mount_setattr(2)) shows the owners of its files as a user
// namespace maps them. rt makes that namespace, from the mappings of the mount. The mapping can only be set on a mount
// that was never attached, by a process with CAP_SYS_ADMIN over the file system: the boot process, or rt itself where
// the boot process is in a user namespace of the container's and so lacks that right.

// checkIDMapping refuses an id mapping that this host, or this rt, can't give to a mount.
func (c *input) checkIDMapping(m *spec.Mount) error {
	var problem string
	switch kind := m.Type; {
	case !m.IDMap:
		return nil
	case !c.host.MayMount:
		problem = "mapping the ids of a mount requires CAP_SYS_ADMIN over the host's mounts, which rt lacks: run it " +
			"as root, or leave the mapping out"
	case !c.host.Has(host.IDMapMount):
		problem = "this kernel can't map the ids of a mount: that requires Linux 5.12"
	case kind == "proc" || kind == "sysfs" || kind == "cgroup" || kind == "cgroup2":
		problem = "a mount of type " + kind + " has no owners to map: leave the mapping out"
	case c.spec.Namespaces.Has(unix.CLONE_NEWUSER) && !m.Bind:
		problem = "in a container with a user namespace only a bind mount can have its ids mapped: a new file system " +
			"already has the container's"
	case c.spec.Namespaces.Has(unix.CLONE_NEWUSER) && !c.treesByRT():
		problem = "mapping ids for a container with a user namespace requires root: run it as root, or " +
			"leave the mapping out"
	default:
		return nil
	}
	field := "options"
	if len(c.spec.OCI.Mounts[m.Index].UIDMappings) > 0 {
		field = "uidMappings"
	}
	return &diag.Error{Kind: diag.Host, Field: mountPath(m, field), Problem: problem}
}

// mapIDs gives the mount in tree its id mapping, unless rt has done so already.
func (c mounter) mapIDs(m *spec.Mount, tree nsenter.Reg) {
	fd, ok := c.findFile(func(f *File) bool { return f.Kind == FileIDMap && f.Index == m.Index })
	if !ok {
		return
	}
	flags := unix.AT_EMPTY_PATH
	if m.IDMapRecursive {
		flags |= unix.AT_RECURSIVE
	}
	const usernsField = 24 // struct mount_attr
	var attr [sizeofMountAttr]byte
	binary.NativeEndian.PutUint64(attr[:], unix.MOUNT_ATTR_IDMAP)
	c.call(mountPath(m, "uidMappings"), "map "+describeMappings(m), nsenter.MountSetattr, nsenter.Val(tree),
		nsenter.Str(""),
		nsenter.Flags(&nsenter.AtFlags, flags),
		nsenter.Data(string(attr[:]), "{set=MOUNT_ATTR_IDMAP, userns=$"+c.plan.FDs[fd]+"}",
			nsenter.Ref{Offset: usernsField, Size: 8, Arg: nsenter.Num(fd)}),
		nsenter.Imm(sizeofMountAttr))
}

// describeMappings returns the id mappings of a mount, in words.
func describeMappings(m *spec.Mount) string {
	var words []string
	for _, r := range m.UIDMappings {
		words = append(words, idRange("user", r.ContainerID, r.HostID, r.Size))
	}
	for _, r := range m.GIDMappings {
		words = append(words, idRange("group", r.ContainerID, r.HostID, r.Size))
	}
	return strings.Join(words, "; ")
}

// JoinedProgram returns the program of a process that joins a user namespace, reports this, and waits until rt closes
// the channel: rt reads the maps of the namespace meanwhile.
func JoinedProgram() *nsenter.Program {
	const namespace, ctl nsenter.FD = 0, 1
	c := newCompiler(input{})
	c.begin("user namespace")
	c.plan.FDs, c.plan.Ctl = []string{"namespace", "ctl"}, ctl
	c.clearDumpable()
	c.call("", "join the user namespace", nsenter.Setns, nsenter.Num(namespace),
		nsenter.Flags(&nsenter.CloneFlags, unix.CLONE_NEWUSER))
	c.prctl("", "clear the dumpable flag again, after the change", unix.PR_SET_DUMPABLE, nsenter.Imm(0))
	c.report("", "report that it has joined", nsenter.Nowhere)
	c.await("wait until rt closes the channel")
	c.resolve()
	return &c.plan.Program
}

// IdleProgram returns the program of a process that waits until rt closes the channel: it holds a user namespace until
// rt has opened that. Its only descriptor is the control channel, and it needs no rights, so it may be cloned into a
// new user namespace and execute the image there.
func IdleProgram() *nsenter.Program {
	const ctl nsenter.FD = 0
	c := newCompiler(input{})
	c.begin("user namespace")
	c.plan.FDs, c.plan.Ctl = []string{"ctl"}, ctl
	c.call("", "wait until rt closes the channel", nsenter.Read, nsenter.Num(ctl), nsenter.Scratch(answer),
		nsenter.Imm(1))
	c.call("", "exit", nsenter.ExitGroup, nsenter.Imm(0))
	c.resolve()
	return &c.plan.Program
}
