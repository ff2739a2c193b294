package plan

import (
	"encoding/binary"
	"strconv"

	"golang.org/x/sys/unix"

	"rt/libcontainer/host"
	"rt/nsenter"
	"rt/spec"
)

// namespaces is the part about the namespaces of the container's process, and about what is set in new ones.
type namespaces struct{ *compiler }

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
func (c *input) twoStage() bool {
	n := &c.spec.Namespaces
	return n.New&(unix.CLONE_NEWUSER|unix.CLONE_NEWTIME) != 0 || n.Joined(unix.CLONE_NEWUSER) != nil ||
		n.Joined(unix.CLONE_NEWPID) != nil
}

// compileFirst compiles what rt's child does before it becomes the container's process, or clones it.
func (c namespaces) compileFirst() error {
	c.plan.TwoStage = c.twoStage()
	early := c.plan.TwoStage && !c.plan.ClonedLast
	processes{c.compiler}.setName()
	processes{c.compiler}.resetSignals()
	processes{c.compiler}.closeChannelOnExec()
	limits{c.compiler}.raiseOpenFiles()
	if !early {
		processes{c.compiler}.joinCgroups()
	}
	procfs{c.compiler}.setOOMScore()
	layers{mounter{c.compiler}}.compileFirst()
	if c.plan.TwoStage {
		limits{c.compiler}.raiseHard()
	}
	flags := c.spec.Namespaces.New &^ unix.CLONE_NEWCGROUP
	if early {
		c.cloneSecond(flags)
		return nil
	}
	if c.plan.ClonedLast && flags&unix.CLONE_NEWTIME != 0 {
		c.openTimeOffsets()
		c.makeTime()
		flags &^= unix.CLONE_NEWTIME
	}
	c.plan.CloneFlags, c.plan.IntoCgroup = flags, c.opt.CgroupFD
	return nil
}

// cloneSecond compiles how the first process clones the container's process into the new namespaces of flags, and how
// that process becomes root in its user namespace.
func (c namespaces) cloneSecond(flags uintptr) {
	inUser := flags&unix.CLONE_NEWUSER != 0 || c.spec.Namespaces.Joined(unix.CLONE_NEWUSER) != nil
	ipc := flags & unix.CLONE_NEWIPC
	if !inUser {
		ipc = 0
	}
	rest := c.enterFirst(flags &^ ipc)
	processes{c.compiler}.cloneProcess(cloneSentence, rest, c.opt.CgroupFD)
	c.await("wait for rt's answer to the report")
	// Not the first process: in a cgroup that allows one process (pids.limit) it could not clone the second.
	processes{c.compiler}.joinCgroups()
	if inUser {
		c.becomeRoot()
	}
	if ipc != 0 {
		// The file system of the message queues belongs to the user who makes the ipc namespace: it must be the root of
		// the user namespace.
		c.call("linux.namespaces", "create an ipc namespace owned by the user namespace", nsenter.Unshare,
			nsenter.Flags(&nsenter.CloneFlags, ipc))
	}
}

// enterFirst compiles how the first process enters the namespaces that come before all others, and returns the flags of
// the new ones that are left for its child.
func (c namespaces) enterFirst(flags uintptr) (rest uintptr) {
	if joinsOutside(c.spec, c.host) {
		c.joinAll(joinedAnywhere[:])
		c.join(unix.CLONE_NEWCGROUP)
	}
	newUser, newTime := flags&unix.CLONE_NEWUSER != 0, flags&unix.CLONE_NEWTIME != 0
	if newTime && !newUser {
		c.openTimeOffsets()
	}
	if c.isVisible() {
		c.clearDumpable()
	}
	if c.spec.Namespaces.Joined(unix.CLONE_NEWUSER) != nil {
		c.join(unix.CLONE_NEWUSER)
		c.clearDumpableAgain()
	}
	c.join(unix.CLONE_NEWPID)
	// A time namespace belongs to the user namespace in which it is made. If that is new too, it has to exist first:
	// this process enters it, with all capabilities there and still rt's ids, which own the cgroup and
	// /proc/self/timens_offsets. As the root user of the namespace it could write to neither. A process cloned for this
	// purpose would be in the pid namespace that was joined, and see only pids of that.
	if newUser && newTime {
		c.enterUser()
		c.openTimeOffsets()
		flags &^= unix.CLONE_NEWUSER
	}
	if newTime {
		c.makeTime()
		flags &^= unix.CLONE_NEWTIME
	}
	return flags
}

// enterUser moves the process itself into a new user namespace.
func (c namespaces) enterUser() {
	const origin = "linux.namespaces"
	c.call(origin, "create a user namespace", nsenter.Unshare,
		nsenter.Flags(&nsenter.CloneFlags, unix.CLONE_NEWUSER))
	c.clearDumpableAgain()
	c.report(origin, "ask rt to write the id maps", nsenter.Nowhere).
		sync(SyncMaps, processes{c.compiler}.mapSentences()...)
	c.await("wait until rt has written the id maps")
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
// different user namespace: a pod with users of its own in the host's network has the host's. setns(2) requires rights
// over the owner, which a process that has entered the pod's user namespace has lost. Without CAP_SYS_ADMIN a process
// has rights only inside, so the order is reversed.
func joinsOutside(s *spec.Spec, h *host.Facts) bool {
	n := &s.Namespaces
	return h.SysAdmin() && (n.New&unix.CLONE_NEWUSER != 0 || n.Joined(unix.CLONE_NEWUSER) != nil)
}

// joinAll joins the namespaces of some types, in order.
func (c namespaces) joinAll(flags []uintptr) {
	for _, flag := range flags {
		c.join(flag)
	}
}

// join enters the namespace of type flag that the config names by path.
func (c namespaces) join(flag uintptr) {
	fd, ok := c.findFile(func(f *File) bool { return f.Kind == FileNamespace && f.Flag == flag })
	if !ok {
		return
	}
	f := &c.plan.Files[fd]
	c.call(f.Origin, "join the "+namespaceWord(flag)+" namespace "+f.Path, nsenter.Setns,
		nsenter.Num(fd), nsenter.Flags(&nsenter.CloneFlags, flag))
}

// openTimeOffsets opens the file to which the offsets of a new time namespace are written. It is the process's own
// file, and is opened before the process enters a user namespace and is not dumpable any more, which makes the file
// root's.
func (c namespaces) openTimeOffsets() {
	if len(c.spec.TimeOffsets) == 0 {
		return
	}
	c.call("linux.timeOffsets", "open the offsets of the new time namespace", nsenter.Openat, nsenter.Cwd,
		nsenter.Str("/proc/self/timens_offsets"),
		nsenter.Flags(&nsenter.OpenFlags, unix.O_WRONLY|unix.O_CLOEXEC)).into(regFile)
}

// makeTime makes the time namespace that the next child will be in. See time_namespaces(7).
func (c namespaces) makeTime() {
	c.call("linux.namespaces", "create a time namespace for later children", nsenter.Unshare,
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

// compile compiles how the container's process joins the other namespaces that have a path.
func (c namespaces) compile() error {
	if !joinsOutside(c.spec, c.host) {
		c.joinAll(joinedAnywhere[:])
		c.join(unix.CLONE_NEWCGROUP)
	}
	// The mount namespace comes last: with it the process loses sight of the host's files.
	c.join(unix.CLONE_NEWNS)
	c.call("", "make a new session", nsenter.Setsid).ignore(unix.EPERM)
	c.call("", "clear the umask: later modes are exact", nsenter.Umask, nsenter.Imm(0))
	if (!c.plan.TwoStage || c.plan.ClonedLast) && c.opt.CgroupAttach {
		c.report("linux.cgroupsPath", "ask rt to move the process into its cgroup",
			nsenter.Nowhere).sync(SyncAttach, "put the boot process into its cgroup")
		c.await("wait until rt has moved the process")
	}
	limits{c.compiler}.allowAllCPUs()
	if c.unshared(unix.CLONE_NEWCGROUP) {
		// Not with the other namespaces: clone would root it at rt's own cgroup.
		c.call("linux.namespaces", "create a cgroup namespace rooted at the container's cgroup", nsenter.Unshare,
			nsenter.Flags(&nsenter.CloneFlags, unix.CLONE_NEWCGROUP))
	}
	if !c.opt.NoNewKeyring {
		c.joinKeyring()
	}
	return nil
}

// joinKeyring joins a session keyring of the container's own, which processes of `rt exec` can find by its name:
// keyrings(7).
func (c namespaces) joinKeyring() {
	const (
		possessorAll = 0x3f000000
		userSearch   = 0x080000
		// without the right to view it, nobody else reads its name in /proc/keys
		permissions = possessorAll | userSearch
	)
	if c.joins == joinsNone {
		procfs{c.compiler}.setKeyLabel()
	}
	name := c.opt.Keyring
	if name == "" {
		name = "_ses." + c.opt.ID
	}
	end := c.newLabel()
	// ENOSYS: a kernel without keyrings; EPERM: the seccomp filter of an engine that rt runs in; EDQUOT is a true
	// failure.
	c.call("", "join a new session keyring", nsenter.Keyctl,
		nsenter.Flags(&nsenter.KeyctlOps, unix.KEYCTL_JOIN_SESSION_KEYRING),
		nsenter.Str(name)).into(regKeyring).onErrno(end, unix.ENOSYS, unix.EPERM)
	c.call("", "allow processes that join the session later to search it", nsenter.Keyctl,
		nsenter.Flags(&nsenter.KeyctlOps, unix.KEYCTL_SETPERM),
		nsenter.Val(regKeyring), nsenter.Flags(&nsenter.Hex, permissions)).ignore(unix.EACCES)
	c.mark(end)
}

// startLoopback brings the loopback interface of a new network namespace up: netdevice(7).
func (c namespaces) startLoopback() error {
	if !c.unshared(unix.CLONE_NEWNET) {
		return nil
	}
	request := make([]byte, 40) // struct ifreq: the name in 16 bytes, then the flags
	copy(request, "lo")
	binary.NativeEndian.PutUint16(request[16:], unix.IFF_UP|unix.IFF_RUNNING)
	origin := "linux.namespaces"
	c.call(origin, "open a socket in the new network namespace", nsenter.Socket,
		nsenter.Flags(&nsenter.SocketDomains, unix.AF_INET),
		nsenter.Flags(&nsenter.SocketTypes, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC), nsenter.Imm(0)).into(regSocket)
	c.call(origin, "bring the loopback interface up", nsenter.Ioctl, nsenter.Val(regSocket),
		nsenter.Flags(&nsenter.IoctlRequests, unix.SIOCSIFFLAGS),
		nsenter.Data(string(request), `{"lo", IFF_UP|IFF_RUNNING}`))
	c.close(regSocket)
	return nil
}

// setNames sets the names of the UTS namespace.
func (c namespaces) setNames() error {
	if name := c.spec.Hostname; name != "" {
		c.call("hostname", "set the host name", nsenter.Sethostname, nsenter.Str(name), nsenter.Imm(len(name)))
	}
	if name := c.spec.Domainname; name != "" {
		c.call("domainname", "set the domain name", nsenter.Setdomainname, nsenter.Str(name), nsenter.Imm(len(name)))
	}
	return nil
}
