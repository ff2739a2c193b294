package plan

import (
	"encoding/binary"
	"strconv"

	"golang.org/x/sys/unix"

	"rt/nsenter"
)

// open opens path below dir. path is absolute, as the container sees it.
func (c *builder) open(origin, sentence string, dir nsenter.Reg, path string, how nsenter.Arg) step {
	return c.call(origin, sentence, nsenter.Openat2, nsenter.Val(dir), nsenter.Str(Relative(path)), how,
		nsenter.Imm(sizeofOpenHow)).retry()
}

// enter makes the directory in dir the working directory, so that calls that take only a path can use ".".
func (c *builder) enter(origin string, dir nsenter.Reg) {
	c.call(origin, `make it the working directory, "."`, nsenter.Fchdir, nsenter.Val(dir))
}

// write writes text to the file in regFile, whole and in one call.
func (c *builder) write(origin, sentence, text string) {
	c.call(origin, sentence, nsenter.Write, nsenter.Val(regFile), nsenter.Str(text),
		nsenter.Imm(len(text))).atLeast(int32(len(text)))
}

// prctl appends a prctl(2) with one argument.
func (c *builder) prctl(origin, sentence string, option int, arg nsenter.Arg) step {
	return c.call(origin, sentence, nsenter.Prctl, nsenter.Flags(&nsenter.PrctlOptions, option), arg, nsenter.Imm(0),
		nsenter.Imm(0), nsenter.Imm(0))
}

// fsconfig appends one fsconfig(2) on the file system context in regFS.
func (c *builder) fsconfig(origin, sentence string, command int, key, value string) step {
	k, v := nsenter.Null, nsenter.Null
	if command != unix.FSCONFIG_CMD_CREATE {
		k = nsenter.Str(key)
	}
	if command == unix.FSCONFIG_SET_STRING {
		v = nsenter.Str(value)
	}
	return c.call(origin, sentence, nsenter.Fsconfig, nsenter.Val(regFS), nsenter.Flags(&nsenter.FsCommands, command),
		k,
		v, nsenter.Imm(0))
}

// passToRt sends the descriptor in r to rt. A control message refers to descriptors by number, so the descriptor gets a
// number that is known beforehand: that of the spare file (see mounter.pathOf for its other use).
func (c *builder) passToRt(origin, what string, r nsenter.Reg) step {
	spare := c.spareFD(what)
	c.call(origin, "duplicate "+what+" to a fixed number", nsenter.Dup3, nsenter.Val(r), nsenter.Num(spare),
		nsenter.Flags(&nsenter.OpenFlags, unix.O_CLOEXEC))
	return c.call(origin, "pass it to rt", nsenter.Sendmsg, nsenter.Num(c.plan.Ctl),
		passDescriptor(c.plan.Number(spare), r), nsenter.Imm(0))
}

// spareFD returns the descriptor whose number is used to pass what.
func (c *builder) spareFD(what string) nsenter.FD {
	spare, ok := c.findFile(func(f *File) bool { return f.Kind == FileSpare })
	if !ok {
		panic("plan: no spare descriptor with which to pass " + what)
	}
	return spare
}

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

// report appends a report to the supervisor of r's value.
func (c *builder) report(origin, sentence string, r nsenter.Reg) step {
	return c.call(origin, sentence, nsenter.Writev, nsenter.Num(c.plan.Ctl), nsenter.ReportOf(r), nsenter.Imm(2))
}

// answer is the offset of the supervisor's answer in the scratch memory: behind the times of a trace.
const answer = 32

// await appends the wait for the supervisor's answer. A read of 0 bytes means that the supervisor has ended.
func (c *builder) await(sentence string) step {
	return c.call("", sentence, nsenter.Read, nsenter.Num(c.plan.Ctl), nsenter.Scratch(answer), nsenter.Imm(1)).
		atLeast(1)
}
