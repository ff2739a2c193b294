package plan

import (
	"golang.org/x/sys/unix"

	"rt/nsenter"
)

// FinderTo is the descriptor of a FinderProgram and a LinkReaderProgram: a memfd for the text of a link.
const FinderTo = 0

// FinderProgram returns the program of a process that opens a path of the host with O_PATH and flags, and passes the
// descriptor to rt at SyncHome: a look-up in a file system whose server does not answer never ends. The program follows
// no magic links: those of /proc/self would be its own.
func FinderProgram(path string, flags uint64) *nsenter.Program {
	const ctl = 1 + FinderTo
	c := newFinder(path, flags)
	c.call("", "duplicate it to a fixed number", nsenter.Dup3, nsenter.Val(regFile), nsenter.Num(FinderTo),
		nsenter.Flags(&nsenter.OpenFlags, unix.O_CLOEXEC))
	c.call("", "pass it to rt", nsenter.Sendmsg, nsenter.Num(ctl), passDescriptor(FinderTo, regFile),
		nsenter.Imm(0)).sync(SyncHome)
	c.await("wait until rt has received it")
	return c.endProgram()
}

// LinkReaderProgram returns the program of a process that writes the text of the symbolic link at a path of the host to
// a memfd.
func LinkReaderProgram(path string) *nsenter.Program {
	c := newFinder(path, unix.O_NOFOLLOW)
	c.call("", "read the link", nsenter.Readlinkat, nsenter.Val(regFile), nsenter.Str(""), nsenter.Scratch(homeOffset),
		nsenter.Imm(unix.PathMax)).into(regResult).atLeast(1)
	c.call("", "write its text to the memfd", nsenter.Write, nsenter.Num(FinderTo), nsenter.Scratch(homeOffset),
		nsenter.Val(regResult))
	return c.endProgram()
}

// openSentence is the sentence of an open with O_PATH.
const openSentence = "open the file, without access to its content"

// newFinder returns a compiler with the step that finds a path of the host.
func newFinder(path string, flags uint64) *compiler {
	c := newCompiler(input{})
	c.begin("finder")
	c.plan.FDs, c.plan.Ctl = []string{"to", "ctl"}, 1+FinderTo
	c.call("", openSentence, nsenter.Openat2, nsenter.Cwd, nsenter.Str(path),
		how(unix.O_PATH|flags, unix.RESOLVE_NO_MAGICLINKS), nsenter.Imm(sizeofOpenHow)).into(regFile)
	return c
}

// endProgram ends the process, and returns its program.
func (c *compiler) endProgram() *nsenter.Program {
	c.call("", "exit", nsenter.ExitGroup, nsenter.Imm(0))
	c.resolve()
	return &c.plan.Program
}
