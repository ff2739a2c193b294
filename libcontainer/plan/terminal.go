package plan

import (
	"encoding/binary"
	"strconv"

	"golang.org/x/sys/unix"

	"rt/nsenter"
)

// terminal is the terminal of the process.
type terminal struct{ mounter }

// compile makes the container's terminal (pty(7)) in the container's own devpts. The master is passed to rt over the
// control channel, the slave becomes the standard streams and /dev/console.
//
// The slave is opened through the master (TIOCGPTPEER) and never by name: a name in /dev/pts can be redirected
// (CVE-2025-52565).
func (c terminal) compile() error {
	p := c.spec.Process
	if p == nil || !p.Terminal {
		return nil
	}
	const origin = "process.terminal"
	c.openMaster(origin)
	c.call(origin, "unlock its slave", nsenter.Ioctl, nsenter.Val(regMaster),
		nsenter.Flags(&nsenter.IoctlRequests, unix.TIOCSPTLCK),
		nsenter.Data("\x00\x00\x00\x00", "{0}"))
	c.call(origin, "open its slave", nsenter.Ioctl, nsenter.Val(regMaster),
		nsenter.Flags(&nsenter.IoctlRequests, unix.TIOCGPTPEER),
		nsenter.Flags(&nsenter.OpenFlags, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC)).into(regSlave)
	if p.ConsoleRows != 0 || p.ConsoleCols != 0 {
		var size [8]byte
		binary.NativeEndian.PutUint16(size[:], p.ConsoleRows)
		binary.NativeEndian.PutUint16(size[2:], p.ConsoleCols)
		c.call("process.consoleSize", "set its size", nsenter.Ioctl, nsenter.Val(regSlave),
			nsenter.Flags(&nsenter.IoctlRequests, unix.TIOCSWINSZ),
			nsenter.Data(string(size[:]),
				"{rows="+strconv.Itoa(int(p.ConsoleRows))+", columns="+strconv.Itoa(int(p.ConsoleCols))+"}"))
	}
	if p.UID != 0 {
		c.call("process.user.uid", "make the user the owner of the terminal", nsenter.Fchown, nsenter.Val(regSlave),
			nsenter.Imm(p.UID), nsenter.Imm(-1))
	}
	// A control message refers to descriptors by number, so the master gets a number that is known beforehand.
	c.call(origin, "duplicate the master to a fixed number", nsenter.Dup3, nsenter.Val(regMaster), nsenter.Imm(0),
		nsenter.Imm(0))
	pass := c.call(origin, "pass the master to rt", nsenter.Sendmsg, nsenter.Num(c.plan.Ctl),
		passDescriptor(0, regMaster), nsenter.Imm(0))
	if c.joins != joinsNone {
		pass.sync(SyncTerminal, "receive the master of the terminal, and set it up")
		c.await("wait until rt has set it up")
	} else {
		pass.sync(SyncConsole, "receive the master of the terminal")
	}
	for fd, name := range [...]string{"input", "output", "error"} {
		c.call(origin, "make the terminal standard "+name, nsenter.Dup3, nsenter.Val(regSlave), nsenter.Imm(fd),
			nsenter.Imm(0))
	}
	if c.joins != joinsNone {
		return nil // it is still the first process
	}
	if !c.plan.ClonedLast {
		c.setControlling()
	}
	if c.hasMountNamespace() {
		c.mountConsole(origin)
	}
	return nil
}

// openMaster opens the master of a new terminal. If /dev is a bind mount of the config, its devpts may be the host's,
// whose ptmx only its owner can open, as under systemd; everybody can open the node next to it, which leads to the same
// devpts (Documentation/filesystems/devpts.rst).
func (c terminal) openMaster(origin string) {
	const sentence = "open the master of a new terminal"
	if c.joins != joinsNone {
		c.openKnownMaster(origin, sentence)
		return
	}
	master := c.open(origin, sentence, regRoot, "/dev/pts/ptmx", howTerminal).into(regMaster)
	if !c.devIsBound() {
		return
	}
	other, end := c.newLabel(), c.newLabel()
	master.then(end).onErrno(other, unix.EACCES, unix.ENOENT)
	c.mark(other)
	c.open(origin, sentence, regRoot, "/dev/ptmx", howPtmx).into(regMaster)
	c.mark(end)
}

// openKnownMaster is openMaster in a container that runs, which may have anything at that path. A file of FUSE answers
// ioctl(2) with any number, so that TIOCGPTPEER returns a descriptor of this process's choosing, and whoever closes
// such a file waits for its server. So rt examines it before it is opened: by O_PATH, and then through the host's
// /proc.
func (c terminal) openKnownMaster(origin, sentence string) {
	c.open(origin, "open the pseudoterminal multiplexer", regRoot, "/dev/pts/ptmx", howPath).into(regTarget)
	c.passToRt(origin, "the multiplexer", regTarget).sync(SyncPtmx,
		"check that it is a pseudoterminal multiplexer (pts(4))")
	c.await("wait until rt has checked it")
	number := strconv.Itoa(c.plan.Number(c.spareFD("the multiplexer")))
	c.call(origin, sentence, nsenter.Openat, nsenter.Val(regProc), nsenter.Str("self/fd/"+number),
		nsenter.Flags(&nsenter.OpenFlags, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC)).into(regMaster)
}

// setControlling makes the terminal, which is standard input by now, the controlling terminal.
func (c terminal) setControlling() {
	if c.spec.Process.Terminal {
		c.call("process.terminal", "make it the controlling terminal of the session", nsenter.Ioctl, nsenter.Imm(0),
			nsenter.Flags(&nsenter.IoctlRequests, unix.TIOCSCTTY), nsenter.Imm(0))
	}
}

// mountConsole mounts the slave at /dev/console (config-linux.md#default-devices). In a /dev that is a bind mount of
// the config nothing is made: the slave covers an existing file, so that the container does not write to the machine's
// own console.
func (c terminal) mountConsole(origin string) {
	end := c.newLabel()
	if c.devIsBound() {
		c.open(origin, "open the console", regRoot, "/dev/console",
			howRealPath).into(regTarget).onErrno(end, unix.ENOENT, unix.ELOOP)
		c.attachConsole(origin)
		c.mark(end)
		return
	}
	dir, name := c.openParent(origin, "/dev/console")
	c.call(origin, "make a file for /dev/console", nsenter.Mknodat, nsenter.Val(dir), nsenter.Str(name),
		nsenter.Flags(&nsenter.FileModes, unix.S_IFREG|0o600), nsenter.Imm(0)).ignore(unix.EEXIST)
	c.open(origin, "open it", dir, name, howNoLink).into(regTarget)
	c.attachConsole(origin)
}

// attachConsole covers the target with the slave.
func (c terminal) attachConsole(origin string) {
	c.call(origin, "clone the mount of the slave", nsenter.OpenTree, nsenter.Val(regSlave), nsenter.Str(""),
		nsenter.Flags(&nsenter.OpenTreeFlags,
			unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_EMPTY_PATH)).into(regTree)
	c.attach(origin, regTree, regTarget)
}

var (
	howTerminal = how(unix.O_RDWR|unix.O_NOCTTY, inRoot|unix.RESOLVE_NO_SYMLINKS)
	howPtmx     = how(unix.O_RDWR|unix.O_NOCTTY, inRoot)
	howRealPath = how(unix.O_PATH, inRoot|unix.RESOLVE_NO_SYMLINKS)
)
