package plan

import (
	"encoding/binary"
	"strconv"

	"golang.org/x/sys/unix"

	"rt/libcontainer/host"
	"rt/nsenter"
	"rt/spec"
)

// rt clones the boot process into the new namespaces where the kernel allows it: then one process is enough. Three
// types of namespaces rule that out, and then a first process clones the container's process:
//
//   - a new user namespace: an exec with unmapped ids loses all rights in it (user_namespaces(7)), and the boot image
//     is executed;
//   - a joined pid or user namespace: setns(2) to a pid namespace is for children only, and the other namespaces must
//     be made after the user namespace was joined, to belong to it;
//   - a new time namespace: it is for children, and its offsets can be written only before the first of them
//     (time_namespaces(7)).

// twoStage reports whether the container's process is a second one.
func (c *compiler) twoStage() bool {
	n := &c.spec.Namespaces
	return n.New&(unix.CLONE_NEWUSER|unix.CLONE_NEWTIME) != 0 || n.Joined(unix.CLONE_NEWUSER) != nil ||
		n.Joined(unix.CLONE_NEWPID) != nil
}

// firstProcess compiles what rt's child does before it becomes the container's process, or clones it.
func (c *compiler) firstProcess() error {
	c.plan.TwoStage = c.twoStage()
	c.name()
	c.signals()
	c.closeChannelOnExec()
	c.raiseOpenFiles()
	early := c.plan.TwoStage && !c.plan.ClonedLast
	if !early {
		c.joinCgroups()
	}
	c.oomScore()
	c.layerFirst()
	clone := c.spec.Namespaces.New &^ unix.CLONE_NEWCGROUP
	if c.plan.ClonedLast {
		c.raiseLimits()
		if clone&unix.CLONE_NEWTIME != 0 {
			c.openTimeOffsets()
			c.timeNamespace()
			clone &^= unix.CLONE_NEWTIME
		}
	}
	if !early {
		c.plan.CloneFlags = clone
		c.plan.IntoCgroup = c.opt.CgroupFD
		return nil
	}
	c.raiseLimits()
	user := c.spec.Namespaces.Joined(unix.CLONE_NEWUSER)
	if joinsOutside(c.spec, c.host) {
		c.joinAll(joinedAnywhere[:])
		c.join(unix.CLONE_NEWCGROUP)
	}
	newUser, newTime := clone&unix.CLONE_NEWUSER != 0, clone&unix.CLONE_NEWTIME != 0
	if newTime && !newUser {
		c.openTimeOffsets()
	}
	if c.visible() {
		c.notDumpable()
	}
	if user != nil {
		c.join(unix.CLONE_NEWUSER)
		c.stillNotDumpable()
	}
	if c.spec.Namespaces.Joined(unix.CLONE_NEWPID) != nil {
		c.join(unix.CLONE_NEWPID)
	}
	// A time namespace belongs to the user namespace that it is made in. If that is to be new too, it has to exist
	// first: this process enters it, with all capabilities there and still rt's ids, which own the cgroup and
	// /proc/self/timens_offsets. As the root user of the namespace it could write to neither. A process cloned for this
	// purpose would be in the pid namespace that was joined, and see only pids of that.
	if newUser && newTime {
		c.enterUser()
		c.openTimeOffsets()
		clone &^= unix.CLONE_NEWUSER
	}
	if newTime {
		c.timeNamespace()
		clone &^= unix.CLONE_NEWTIME
	}
	// The file system of the message queues belongs to the user who makes the ipc namespace: it must be the root of the
	// user namespace.
	ipc := (newUser || user != nil) && clone&unix.CLONE_NEWIPC != 0
	if ipc {
		clone &^= unix.CLONE_NEWIPC
	}
	c.cloneProcess(cloneSentence, clone, c.opt.CgroupFD)
	c.await("wait for rt: id maps, cgroup")
	// Not the first process: in a cgroup that takes one process (pids.limit) it could not make the second.
	c.joinCgroups()
	if newUser || user != nil {
		c.becomeRoot()
		if ipc {
			c.do("linux.namespaces", "create an ipc namespace owned by the user namespace", nsenter.Unshare,
				nsenter.Flags(&nsenter.CloneFlags, unix.CLONE_NEWIPC))
		}
	}
	return nil
}

// BootName is the name of a boot process (comm in proc(5)) until it executes the user's program. Without it the name
// would be the last part of the path of the boot image: a number.
const BootName = "rt-boot"

func (c *compiler) name() {
	c.do("", "set the name that ps(1) shows", nsenter.Prctl,
		nsenter.Flags(&nsenter.PrctlOptions, unix.PR_SET_NAME), nsenter.Str(BootName))
}

// joinCgroups enters the cgroups of v1, into which a process can't be cloned. A process of one thread that moves itself
// is moved at once, while moving another process waits for an RCU grace period: milliseconds.
func (c *compiler) joinCgroups() {
	for i := range c.plan.Files {
		if f := &c.plan.Files[i]; f.Kind == FileJoin {
			c.do(f.Origin, "join the cgroup of "+f.Path, nsenter.Write, nsenter.Num(nsenter.FD(i)), nsenter.Str("0"),
				nsenter.Imm(1))
		}
	}
}

// cloneSentence is the sentence of cloneProcess when a container is made.
const cloneSentence = "clone the container's process into new namespaces"

// cloneProcess clones a process that continues with the plan, a child of rt's, in new namespaces. The process that
// calls it reports the pid and exits.
func (c *compiler) cloneProcess(sentence string, flags uintptr, intoCgroup bool) {
	flags |= unix.CLONE_PARENT
	const sizeofCloneArgs, cgroupField = 88, 80 // struct clone_args, Linux 5.7
	args := make([]byte, sizeofCloneArgs)
	var refs []nsenter.Ref
	text := ""
	if intoCgroup {
		flags |= unix.CLONE_INTO_CGROUP
		fd, _ := c.file(func(f *File) bool { return f.Kind == FileCgroup })
		refs = append(refs, nsenter.Ref{Offset: cgroupField, Size: 8, Arg: nsenter.Num(fd)})
		text = ", cgroup=$cgroup"
	}
	binary.NativeEndian.PutUint64(args, uint64(flags))
	const origin = "linux.namespaces"
	c.fork(flags, c.do(origin, sentence, nsenter.Clone3,
		nsenter.Data(string(args), "{"+nsenter.CloneFlags.Format(uint64(flags))+text+"}",
			refs...), nsenter.Imm(len(args))))
}

// fork completes a step that makes a process: the parent reports the pid of the child and exits.
func (c *compiler) fork(flags uintptr, clone step) {
	origin, child := clone.at().Origin, c.newLabel()
	clone.to(regChild).least(1).on(child, nsenter.Short)
	point, does := SyncCloned, []string{"wait for the first process"}
	if flags&unix.CLONE_NEWUSER != 0 {
		point, does = SyncClonedUnmapped, append(does, c.mapSentences()...)
	}
	if c.opt.CgroupAttach && !c.plan.ClonedLast {
		does = append(does, "put the container's process into its cgroup")
	}
	c.report(origin, "report its pid", regChild).sync(point, does...)
	c.do("", "exit the first process", nsenter.ExitGroup, nsenter.Imm(0))
	c.mark(child)
}

// enterUser moves the process itself into a new user namespace.
func (c *compiler) enterUser() {
	const origin = "linux.namespaces"
	c.do(origin, "create a user namespace", nsenter.Unshare,
		nsenter.Flags(&nsenter.CloneFlags, unix.CLONE_NEWUSER))
	c.stillNotDumpable()
	c.report(origin, "report that it exists", nsenter.Nowhere).sync(SyncMaps, c.mapSentences()...)
	c.await("wait for the id maps")
}

// mapSentences says which id maps the supervisor writes.
func (c *compiler) mapSentences() []string {
	var does []string
	if c.opt.SetgroupsDeny {
		does = append(does, `write "deny" to /proc/PID/setgroups`)
	}
	for _, m := range c.spec.UIDMappings {
		does = append(does, "map user "+idRange(m.ContainerID, m.HostID, m.Size))
	}
	for _, m := range c.spec.GIDMappings {
		does = append(does, "map group "+idRange(m.ContainerID, m.HostID, m.Size))
	}
	return does
}

func idRange(container, host, size uint32) string {
	return strconv.Itoa(int(container)) + " to " + strconv.Itoa(int(host)) + " of the host, " +
		strconv.Itoa(int(size)) + " in all"
}

// becomeRoot changes to the ids that the user namespace has for root.
func (c *compiler) becomeRoot() {
	origin := "linux.uidMappings"
	c.do(origin, "set the group ids to 0 of the user namespace", nsenter.Setresgid, nsenter.Imm(0), nsenter.Imm(0),
		nsenter.Imm(0))
	c.do(origin, "set the user ids to 0 of the user namespace", nsenter.Setresuid, nsenter.Imm(0), nsenter.Imm(0),
		nsenter.Imm(0))
	c.stillNotDumpable()
}

// visible reports whether processes of a running container may see the boot process: it joins a user or pid namespace
// of theirs.
func (c *compiler) visible() bool {
	n := &c.spec.Namespaces
	return c.joins != joinsNone || n.Joined(unix.CLONE_NEWUSER) != nil || n.Joined(unix.CLONE_NEWPID) != nil
}

// notDumpable closes the /proc entries of the boot process to processes that are in the container already:
// CVE-2016-9962. A child inherits the setting, so it is made before the child is visible to them.
func (c *compiler) notDumpable() {
	c.prctl("", "clear the dumpable flag: no process of the container may trace this one", unix.PR_SET_DUMPABLE,
		nsenter.Imm(0))
}

// stillNotDumpable follows a change of the ids or of the user namespace. There the kernel sets what fs.suid_dumpable
// says (proc_sys_fs(5), commit_creds in its cred.c): if that is 1, for debugging, the process would be dumpable again.
func (c *compiler) stillNotDumpable() {
	if c.visible() {
		c.prctl("", "clear the dumpable flag again, after the change", unix.PR_SET_DUMPABLE, nsenter.Imm(0))
	}
}

// joinedAnywhere are the namespaces that the process may join before any other of the container. JoinsCgroupFirst has
// one more.
var joinedAnywhere = [...]uintptr{unix.CLONE_NEWNET, unix.CLONE_NEWIPC, unix.CLONE_NEWUTS, unix.CLONE_NEWTIME}

// JoinsCgroupFirst reports whether the container joins a cgroup namespace before it enters its user namespace, as it
// does others: see joinsOutside. Where cgroups are delegated to namespaces (nsdelegate in cgroups(7)), a process in
// such a namespace can neither be cloned into a cgroup outside of it nor move there. So rt moves it, from outside:
// Options.CgroupAttach.
func JoinsCgroupFirst(s *spec.Spec, h *host.Facts) bool {
	return s.Namespaces.Joined(unix.CLONE_NEWCGROUP) != nil && joinsOutside(s, h)
}

// joinsOutside reports whether the container joins the others before it enters its user namespace. They may belong to a
// different user namespace: a pod with users of its own in the host's network has the host's. setns(2) takes rights
// over the owner, which a process that has entered the pod's user namespace has lost. Without CAP_SYS_ADMIN there are
// no rights but inside, so the order is reversed.
func joinsOutside(s *spec.Spec, h *host.Facts) bool {
	n := &s.Namespaces
	return h.SysAdmin() && (n.New&unix.CLONE_NEWUSER != 0 || n.Joined(unix.CLONE_NEWUSER) != nil)
}

func (c *compiler) joinAll(flags []uintptr) {
	for _, flag := range flags {
		c.join(flag)
	}
}

// join enters the namespace of type flag that the config names by path.
func (c *compiler) join(flag uintptr) {
	fd, ok := c.file(func(f *File) bool { return f.Kind == FileNamespace && f.Flag == flag })
	if !ok {
		return
	}
	f := &c.plan.Files[fd]
	c.do(f.Origin, "join the "+namespaceWord(flag)+" namespace "+f.Path, nsenter.Setns,
		nsenter.Num(fd), nsenter.Flags(&nsenter.CloneFlags, flag))
}

// openTimeOffsets opens the file that the offsets of a new time namespace are written to. It is the process's own file,
// and is opened before the process enters a user namespace and is not dumpable any more, which makes the file root's.
func (c *compiler) openTimeOffsets() {
	if len(c.spec.TimeOffsets) == 0 {
		return
	}
	c.do("linux.timeOffsets", "open the offsets of the new time namespace", nsenter.Openat, nsenter.Cwd,
		nsenter.Str("/proc/self/timens_offsets"),
		nsenter.Flags(&nsenter.OpenFlags, unix.O_WRONLY|unix.O_CLOEXEC)).to(regFile)
}

// timeNamespace makes the time namespace that the next child will be in. See time_namespaces(7).
func (c *compiler) timeNamespace() {
	c.do("linux.namespaces", "create a time namespace for the child", nsenter.Unshare,
		nsenter.Flags(&nsenter.CloneFlags, unix.CLONE_NEWTIME))
	if len(c.spec.TimeOffsets) == 0 {
		return
	}
	var text []byte
	for _, o := range c.spec.TimeOffsets {
		text = append(text, o.Clock...)
		text = append(text, ' ')
		text = strconv.AppendInt(text, o.Secs, 10)
		text = append(text, ' ')
		text = strconv.AppendUint(text, uint64(o.Nanosec), 10)
		text = append(text, '\n')
	}
	c.write("linux.timeOffsets", "set its offsets", string(text))
	c.close(regFile)
}

// write writes text to the file in regFile, whole and in one call.
func (c *compiler) write(origin, sentence, text string) {
	c.do(origin, sentence, nsenter.Write, nsenter.Val(regFile), nsenter.Str(text),
		nsenter.Imm(len(text))).least(int32(len(text)))
}

// namespaces compiles how the container's process joins the other namespaces that have a path.
func (c *compiler) namespaces() error {
	if !joinsOutside(c.spec, c.host) {
		c.joinAll(joinedAnywhere[:])
		c.join(unix.CLONE_NEWCGROUP)
	}
	// The mount namespace comes last: with it the process loses sight of the host's files.
	c.join(unix.CLONE_NEWNS)
	c.do("", "make a new session", nsenter.Setsid).ignore(unix.EPERM)
	c.do("", "clear the umask: later modes are exact", nsenter.Umask, nsenter.Imm(0))
	if (!c.plan.TwoStage || c.plan.ClonedLast) && c.opt.CgroupAttach {
		c.report("linux.cgroupsPath", "report that the cgroup is due",
			nsenter.Nowhere).sync(SyncAttach, "put the boot process into its cgroup")
		c.await("wait until rt has moved the process")
	}
	c.unbind()
	if c.unshared(unix.CLONE_NEWCGROUP) {
		// Not with the other namespaces: clone would root it at rt's own cgroup.
		c.do("linux.namespaces", "create a cgroup namespace rooted at the container's cgroup", nsenter.Unshare,
			nsenter.Flags(&nsenter.CloneFlags, unix.CLONE_NEWCGROUP))
	}
	if !c.opt.NoNewKeyring {
		c.keyring()
	}
	return nil
}

// keyring joins a session keyring of the container's own, which processes of `rt exec` can find by its name:
// keyrings(7).
func (c *compiler) keyring() {
	const (
		possessorAll = 0x3f000000
		userSearch   = 0x080000
		// without the right to view it, nobody else reads its name in /proc/keys
		permissions = possessorAll | userSearch
	)
	if c.joins == joinsNone {
		c.keyLabel()
	}
	name := c.opt.Keyring
	if name == "" {
		name = "_ses." + c.opt.ID
	}
	end := c.newLabel()
	// ENOSYS: a kernel without keyrings; EPERM: the seccomp filter of an engine that rt runs in; EDQUOT is a true
	// failure.
	c.do("", "join a new session keyring", nsenter.Keyctl,
		nsenter.Flags(&nsenter.KeyctlOps, unix.KEYCTL_JOIN_SESSION_KEYRING),
		nsenter.Str(name)).to(regKeyring).on(end, unix.ENOSYS, unix.EPERM)
	c.do("", "let processes that join later search it", nsenter.Keyctl,
		nsenter.Flags(&nsenter.KeyctlOps, unix.KEYCTL_SETPERM),
		nsenter.Val(regKeyring), nsenter.Flags(&nsenter.Hex, permissions)).ignore(unix.EACCES)
	c.mark(end)
}

// loopback brings the loopback interface of a new network namespace up: netdevice(7).
func (c *compiler) loopback() error {
	if !c.unshared(unix.CLONE_NEWNET) {
		return nil
	}
	request := make([]byte, 40) // struct ifreq: the name in 16 bytes, then the flags
	copy(request, "lo")
	binary.NativeEndian.PutUint16(request[16:], unix.IFF_UP|unix.IFF_RUNNING)
	origin := "linux.namespaces"
	c.do(origin, "open a socket in the new network namespace", nsenter.Socket,
		nsenter.Flags(&nsenter.SocketDomains, unix.AF_INET),
		nsenter.Flags(&nsenter.SocketTypes, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC), nsenter.Imm(0)).to(regSocket)
	c.do(origin, "bring the loopback interface up", nsenter.Ioctl, nsenter.Val(regSocket),
		nsenter.Flags(&nsenter.IoctlRequests, unix.SIOCSIFFLAGS),
		nsenter.Data(string(request), `{"lo", IFF_UP|IFF_RUNNING}`))
	c.close(regSocket)
	return nil
}

// hostname sets the names of the UTS namespace.
func (c *compiler) hostname() error {
	if name := c.spec.Hostname; name != "" {
		c.do("hostname", "set the host name", nsenter.Sethostname, nsenter.Str(name), nsenter.Imm(len(name)))
	}
	if name := c.spec.Domainname; name != "" {
		c.do("domainname", "set the domain name", nsenter.Setdomainname, nsenter.Str(name), nsenter.Imm(len(name)))
	}
	return nil
}
