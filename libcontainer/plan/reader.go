package plan

import (
	"strconv"

	"golang.org/x/sys/unix"

	"rt/nsenter"
)

// The descriptors of a ReaderProgram.
const (
	ReaderRoot = iota // the root directory of a container; not used if the file is open
	ReaderTo          // a memfd: the copy
	ReaderFile        // the file as an O_PATH descriptor, if it is open; otherwise any descriptor
)

// ReaderProgram returns the program of a process that copies at most limit bytes of the file at path in a container,
// for rt to read the copy. A file system of the container may never answer a call, and a process that waits for FUSE
// does not even die of SIGKILL (request_wait_answer in the kernel's fs/fuse/dev.c). This process may wait so, and rt
// may not.
//
// If the file is not open yet, the program passes it at SyncHome before it opens it for reading: it may be a device,
// for which an open is an action. path is relative.
func ReaderProgram(path string, open bool, limit int) *nsenter.Program {
	const ctl nsenter.FD = ReaderFile + 1
	c := newCompiler(input{})
	c.begin("reader")
	c.plan.FDs, c.plan.Ctl = []string{"root", "to", "spare", "ctl"}, ctl
	if !open {
		c.open("", openSentence, regRoot, path, howPath).row().Args[0] = nsenter.Num(ReaderRoot)
		c.plan.Steps[0].To = regFile
		c.call("", "duplicate it to a fixed number", nsenter.Dup3, nsenter.Val(regFile), nsenter.Num(ReaderFile),
			nsenter.Flags(&nsenter.OpenFlags, unix.O_CLOEXEC))
		c.call("", "pass it to rt", nsenter.Sendmsg, nsenter.Num(ctl), passDescriptor(ReaderFile, regFile),
			nsenter.Imm(0)).sync(SyncHome)
		c.await("wait until rt knows that it is a regular file")
	}
	c.call("", "open it for reading", nsenter.Openat, nsenter.Cwd,
		nsenter.Str("/proc/self/fd/"+strconv.Itoa(ReaderFile)),
		nsenter.Flags(&nsenter.OpenFlags, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC)).into(regFile)
	c.call("", "copy it to the memfd", nsenter.Sendfile, nsenter.Num(ReaderTo), nsenter.Val(regFile), nsenter.Null,
		nsenter.Imm(limit))
	c.call("", "exit", nsenter.ExitGroup, nsenter.Imm(0))
	c.resolve()
	return &c.plan.Program
}
