package plan

import (
	"encoding/binary"
	"strconv"

	"golang.org/x/sys/unix"

	"rt/nsenter"
)

// terminal makes the container's terminal (pty(7)) in the container's own devpts. The master is handed to rt over the
// control channel, the slave becomes the standard streams and /dev/console.
//
// The slave is opened through the master (TIOCGPTPEER) and never by name: a name in /dev/pts can be redirected
// (CVE-2025-52565).
func (c *compiler) terminal() error {
	p := c.spec.Process
	if p == nil || !p.Terminal {
		return nil
	}
	const origin = "process.terminal"
	c.openMaster(origin)
	c.do(origin, "unlock its slave", nsenter.Ioctl, nsenter.Val(regMaster),
		nsenter.Flags(&nsenter.IoctlRequests, unix.TIOCSPTLCK),
		nsenter.Data("\x00\x00\x00\x00", "{0}"))
	c.do(origin, "open its slave", nsenter.Ioctl, nsenter.Val(regMaster),
		nsenter.Flags(&nsenter.IoctlRequests, unix.TIOCGPTPEER),
		nsenter.Flags(&nsenter.OpenFlags, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC)).to(regSlave)
	if p.ConsoleRows != 0 || p.ConsoleCols != 0 {
		var size [8]byte
		binary.NativeEndian.PutUint16(size[:], p.ConsoleRows)
		binary.NativeEndian.PutUint16(size[2:], p.ConsoleCols)
		c.do("process.consoleSize", "set its size", nsenter.Ioctl, nsenter.Val(regSlave),
			nsenter.Flags(&nsenter.IoctlRequests, unix.TIOCSWINSZ),
			nsenter.Data(string(size[:]),
				"{rows="+strconv.Itoa(int(p.ConsoleRows))+", columns="+strconv.Itoa(int(p.ConsoleCols))+"}"))
	}
	if p.UID != 0 {
		c.do("process.user.uid", "make the user the owner of the terminal", nsenter.Fchown, nsenter.Val(regSlave),
			nsenter.Imm(p.UID), nsenter.Imm(-1))
	}
	// A control message refers to descriptors by number, so the master gets a number that is known beforehand.
	c.do(origin, "duplicate the master to a fixed number", nsenter.Dup3, nsenter.Val(regMaster), nsenter.Imm(0),
		nsenter.Imm(0))
	hand := c.do(origin, "pass the master to rt", nsenter.Sendmsg, nsenter.Num(c.plan.Ctl),
		passDescriptor(0, regMaster), nsenter.Imm(0))
	if c.joins != joinsNone {
		hand.sync(SyncTerminal, "receive the master of the terminal, and set it up")
		c.await("wait for rt")
	} else {
		hand.sync(SyncConsole, "receive the master of the terminal")
	}
	for fd, name := range [...]string{"input", "output", "error"} {
		c.do(origin, "make the terminal standard "+name, nsenter.Dup3, nsenter.Val(regSlave), nsenter.Imm(fd),
			nsenter.Imm(0))
	}
	if c.joins != joinsNone {
		return nil // it is still the first process
	}
	if !c.plan.ClonedLast {
		c.controlTerminal()
	}
	if c.mountNamespace() {
		c.console(origin)
	}
	return nil
}

// openMaster opens the master of a new terminal. If /dev is a bind mount of the config, its devpts may be the host's,
// whose ptmx only its owner can open, as under systemd; everybody can open the node next to it, which leads to the same
// devpts (Documentation/filesystems/devpts.rst).
func (c *compiler) openMaster(origin string) {
	const sentence = "open the master of a new terminal"
	if c.joins != joinsNone {
		c.openKnownMaster(origin, sentence)
		return
	}
	master := c.open(origin, sentence, regRoot, "/dev/pts/ptmx", howTerminal).to(regMaster)
	if !c.devIsBound() {
		return
	}
	other, end := c.newLabel(), c.newLabel()
	master.then(end).on(other, unix.EACCES, unix.ENOENT)
	c.mark(other)
	c.open(origin, sentence, regRoot, "/dev/ptmx", howPtmx).to(regMaster)
	c.mark(end)
}

// openKnownMaster is openMaster in a container that runs, which may have anything at that path. A file of FUSE answers
// ioctl(2) with any number, so that TIOCGPTPEER returns a descriptor of this process's choosing, and whoever closes
// such a file waits for its server. So rt examines it before it is opened: by O_PATH, and then through the host's
// /proc.
func (c *compiler) openKnownMaster(origin, sentence string) {
	c.open(origin, "open the pseudoterminal multiplexer", regRoot, "/dev/pts/ptmx", howPath).to(regTarget)
	c.passToRt(origin, "the multiplexer", regTarget).sync(SyncPtmx,
		"check that it is a pseudoterminal multiplexer (pts(4))")
	c.await("wait until rt has checked it")
	number := strconv.Itoa(c.plan.Number(c.spare("the multiplexer")))
	c.do(origin, sentence, nsenter.Openat, nsenter.Val(regProc), nsenter.Str("self/fd/"+number),
		nsenter.Flags(&nsenter.OpenFlags, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC)).to(regMaster)
}

// controlTerminal makes the terminal, which is standard input by now, the controlling terminal.
func (c *compiler) controlTerminal() {
	if c.spec.Process.Terminal {
		c.do("process.terminal", "make it the controlling terminal of the session", nsenter.Ioctl, nsenter.Imm(0),
			nsenter.Flags(&nsenter.IoctlRequests, unix.TIOCSCTTY), nsenter.Imm(0))
	}
}

// console mounts the slave at /dev/console (config-linux.md#default-devices). In a /dev that is a bind mount of the
// config nothing is made: the slave covers an existing file, so that the container does not write to the machine's own
// console.
func (c *compiler) console(origin string) {
	end := c.newLabel()
	if c.devIsBound() {
		c.open(origin, "open the console", regRoot, "/dev/console",
			howRealPath).to(regTarget).on(end, unix.ENOENT, unix.ELOOP)
		c.attachConsole(origin)
		c.mark(end)
		return
	}
	dir, name := c.parentOf(origin, "/dev/console")
	c.do(origin, "make a file for /dev/console", nsenter.Mknodat, nsenter.Val(dir), nsenter.Str(name),
		nsenter.Flags(&nsenter.FileModes, unix.S_IFREG|0o600), nsenter.Imm(0)).ignore(unix.EEXIST)
	c.open(origin, "open it", dir, name, howNoLink).to(regTarget)
	c.attachConsole(origin)
}

// attachConsole covers the target with the slave.
func (c *compiler) attachConsole(origin string) {
	c.do(origin, "clone the mount of the slave", nsenter.OpenTree, nsenter.Val(regSlave), nsenter.Str(""),
		nsenter.Flags(&nsenter.OpenTreeFlags,
			unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_EMPTY_PATH)).to(regTree)
	c.attach(origin, regTree, regTarget)
}

var (
	howTerminal = how(unix.O_RDWR|unix.O_NOCTTY, inRoot|unix.RESOLVE_NO_SYMLINKS)
	howPtmx     = how(unix.O_RDWR|unix.O_NOCTTY, inRoot)
	howRealPath = how(unix.O_PATH, inRoot|unix.RESOLVE_NO_SYMLINKS)
)

// passDescriptor returns the msghdr of a report of r that passes descriptor number fd (unix(7), SCM_RIGHTS).
func passDescriptor(fd int, r nsenter.Reg) nsenter.Arg {
	const header, space = 16, 24 // cmsg(3) of one int on 64-bit machines
	var control [space]byte
	le := binary.NativeEndian
	le.PutUint64(control[:], header+4)
	le.PutUint32(control[8:], unix.SOL_SOCKET)
	le.PutUint32(control[12:], unix.SCM_RIGHTS)
	le.PutUint32(control[16:], uint32(fd))
	var message [unix.SizeofMsghdr]byte
	le.PutUint64(message[24:], 2)
	le.PutUint64(message[40:], space)
	return nsenter.Data(string(message[:]), "{report, SCM_RIGHTS "+strconv.Itoa(fd)+"}",
		nsenter.Ref{Offset: 16, Size: 8, Arg: nsenter.ReportOf(r)},
		nsenter.Ref{Offset: 32, Size: 8, Arg: nsenter.Data(string(control[:]), "")})
}
