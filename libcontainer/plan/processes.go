package plan

import (
	"encoding/binary"
	"slices"
	"strconv"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"rt/nsenter"
)

// processes is the part about how the processes of a plan begin, and clone each other.
type processes struct{ *compiler }

// BootName is the name of a boot process (comm in proc(5)) until it executes the user's program. Without it the name
// would be the last part of the path of the boot image: a number.
const BootName = "rt-boot"

// setName sets the name of the process.
func (c processes) setName() {
	c.call("", "set the name that ps(1) shows", nsenter.Prctl,
		nsenter.Flags(&nsenter.PrctlOptions, unix.PR_SET_NAME), nsenter.Str(BootName))
}

// joinCgroups enters the cgroups of v1, into which a process can't be cloned. A process of one thread that moves itself
// is moved at once, while moving another process waits for an RCU grace period: milliseconds.
func (c processes) joinCgroups() {
	for i := range c.plan.Files {
		if f := &c.plan.Files[i]; f.Kind == FileJoin {
			c.call(f.Origin, "join the cgroup of "+f.Path, nsenter.Write, nsenter.Num(nsenter.FD(i)), nsenter.Str("0"),
				nsenter.Imm(1))
		}
	}
}

// cloneSentence is the sentence of cloneProcess when a container is made.
const cloneSentence = "clone the container's process into new namespaces"

// cloneProcess clones a process that continues with the plan, as a child of rt, in new namespaces. The process that
// calls it reports the pid and exits.
func (c processes) cloneProcess(sentence string, flags uintptr, intoCgroup bool) {
	flags |= unix.CLONE_PARENT
	const sizeofCloneArgs, cgroupField = 88, 80 // struct clone_args, Linux 5.7
	args := make([]byte, sizeofCloneArgs)
	var refs []nsenter.Ref
	text := ""
	if intoCgroup {
		flags |= unix.CLONE_INTO_CGROUP
		fd, _ := c.findFile(func(f *File) bool { return f.Kind == FileCgroup })
		refs = append(refs, nsenter.Ref{Offset: cgroupField, Size: 8, Arg: nsenter.Num(fd)})
		text = ", cgroup=$cgroup"
	}
	binary.NativeEndian.PutUint64(args, uint64(flags))
	const origin = "linux.namespaces"
	c.fork(flags, c.call(origin, sentence, nsenter.Clone3,
		nsenter.Data(string(args), "{"+nsenter.CloneFlags.Format(uint64(flags))+text+"}",
			refs...), nsenter.Imm(len(args))))
}

// fork completes a step that clones a process: the parent reports the pid of the child and exits.
func (c processes) fork(flags uintptr, clone step) {
	origin, child := clone.row().Origin, c.newLabel()
	clone.into(regChild).atLeast(1).onErrno(child, nsenter.Short)
	point, does := SyncCloned, []string{"wait for the first process"}
	if flags&unix.CLONE_NEWUSER != 0 {
		point, does = SyncClonedUnmapped, append(does, c.mapSentences()...)
	}
	if c.opt.CgroupAttach && !c.plan.ClonedLast {
		does = append(does, "put the container's process into its cgroup")
	}
	c.report(origin, "report its pid", regChild).sync(point, does...)
	c.call("", "exit: the child continues", nsenter.ExitGroup, nsenter.Imm(0))
	c.mark(child)
}

// mapSentences returns which id maps the supervisor writes, in words.
func (c processes) mapSentences() []string {
	var does []string
	if c.opt.SetgroupsDeny {
		does = append(does, `write "deny" to /proc/PID/setgroups`)
	}
	for _, m := range c.spec.UIDMappings {
		does = append(does, "map "+idRange("user", m.ContainerID, m.HostID, m.Size))
	}
	for _, m := range c.spec.GIDMappings {
		does = append(does, "map "+idRange("group", m.ContainerID, m.HostID, m.Size))
	}
	return does
}

// idRange describes one mapping of ids: "users 0-9 to 1000-1009 of the host".
func idRange(kind string, container, host, size uint32) string {
	if size == 1 {
		return kind + " " + strconv.Itoa(int(container)) + " to " + strconv.Itoa(int(host)) + " of the host"
	}
	span := func(first uint32) string {
		return strconv.Itoa(int(first)) + "-" + strconv.Itoa(int(first)+int(size)-1)
	}
	return kind + "s " + span(container) + " to " + span(host) + " of the host"
}

// becomeRoot changes to the ids that set the container up: root's of the user namespace or, where that has none, the
// first of each map. Without a root user the kernel takes no capabilities away when ids change: capabilities(7).
func (c *compiler) becomeRoot() {
	origin := "linux.uidMappings"
	uid, gid := firstID(c.spec.UIDMappings), firstID(c.spec.GIDMappings)
	c.call(origin, "set the group ids to "+strconv.Itoa(int(gid))+" of the user namespace", nsenter.Setresgid,
		nsenter.Imm(gid), nsenter.Imm(gid), nsenter.Imm(gid))
	c.call(origin, "set the user ids to "+strconv.Itoa(int(uid))+" of the user namespace", nsenter.Setresuid,
		nsenter.Imm(uid), nsenter.Imm(uid), nsenter.Imm(uid))
	c.clearDumpableAgain()
}

// firstID returns 0 if mappings map it, or there are none, as of a joined namespace; else the first id.
func firstID(mappings []specs.LinuxIDMapping) uint32 {
	isRoot := func(m specs.LinuxIDMapping) bool { return m.ContainerID == 0 }
	if len(mappings) == 0 || slices.ContainsFunc(mappings, isRoot) {
		return 0
	}
	return mappings[0].ContainerID
}

// isVisible reports whether processes of a running container may see the boot process, because it joins a user or pid
// namespace of theirs.
func (c *input) isVisible() bool {
	n := &c.spec.Namespaces
	return c.joins != joinsNone || n.Joined(unix.CLONE_NEWUSER) != nil || n.Joined(unix.CLONE_NEWPID) != nil
}

// clearDumpable closes the /proc entries of the boot process to processes that are in the container already:
// CVE-2016-9962. A child inherits the setting, so it is made before the child is visible to them.
func (c *compiler) clearDumpable() {
	c.prctl("", "clear the dumpable flag: no process of the container may trace this one", unix.PR_SET_DUMPABLE,
		nsenter.Imm(0))
}

// clearDumpableAgain follows a change of the ids or of the user namespace. There the kernel sets what fs.suid_dumpable
// says (proc_sys_fs(5), commit_creds in its cred.c): if that is 1, for debugging, the process would be dumpable again.
func (c *compiler) clearDumpableAgain() {
	if c.isVisible() {
		c.prctl("", "clear the dumpable flag again, after the change", unix.PR_SET_DUMPABLE, nsenter.Imm(0))
	}
}
