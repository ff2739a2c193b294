package plan

import (
	"encoding/binary"

	"golang.org/x/sys/unix"

	"rt/libcontainer/plan/rules"
	"rt/nsenter"
)

// HookProgram returns the program of a hook that runs in the container's namespaces with the host's root: it enters
// them, all at once through the pidfd of the container's process (setns(2), Linux 5.8), changes to a directory, and
// executes the hook there. The pidfd is the inherited descriptor 3, the directory 4. Without namespaces the hook runs
// in those of rt. ignored and blocked are the signals that rt's caller ignores and blocks, and the hook does not.
//
// Only children enter a pid namespace, so the hook is a second process: SyncCloned reports its pid, and it is rt's own
// child.
func HookProgram(namespaces uintptr, path string, argv, env []string, ignored, blocked uint64,
) (*nsenter.Program, error) {
	const pidfd, dir, ctl nsenter.FD = 0, 1, 2
	c := newCompiler(input{opt: &Options{IgnoredSignals: ignored, BlockedSignals: blocked}})
	c.begin("hook")
	c.plan.FDs, c.plan.FirstFD, c.plan.Ctl = []string{"pidfd", "dir", "ctl"}, 3, ctl
	c.call("", "set close-on-exec on rt's descriptors", nsenter.Fcntl, nsenter.Num(ctl),
		nsenter.Flags(&nsenter.FcntlCommands, unix.F_SETFD), nsenter.Imm(unix.FD_CLOEXEC))
	processes{c}.resetSignals()
	if namespaces&(unix.CLONE_NEWPID|unix.CLONE_NEWUSER) != 0 {
		c.clearDumpable()
	}
	if namespaces != 0 {
		c.call("", "join the container's namespaces", nsenter.Setns, nsenter.Num(pidfd),
			nsenter.Flags(&nsenter.CloneFlags, namespaces))
	}
	if namespaces&unix.CLONE_NEWUSER != 0 {
		c.clearDumpable() // again: see clearDumpableAgain
	}
	// After the mount namespace, which has made its root the working directory.
	c.call("", "enter the container's root file system", nsenter.Fchdir, nsenter.Num(dir))
	c.call("", "", nsenter.Close, nsenter.Num(dir))
	c.call("", "", nsenter.Close, nsenter.Num(pidfd))
	c.call("", "close leaked descriptors", nsenter.CloseRange, nsenter.Imm(c.plan.Number(ctl)+1),
		nsenter.Imm(int64(^uint32(0))), nsenter.Imm(0))
	if namespaces&unix.CLONE_NEWPID != 0 {
		const sizeofCloneArgs = 88
		var args [sizeofCloneArgs]byte
		binary.NativeEndian.PutUint64(args[:], unix.CLONE_PARENT)
		child := c.newLabel()
		c.call("", "clone a process into the pid namespace", nsenter.Clone3,
			nsenter.Data(string(args[:]), "{CLONE_PARENT}"),
			nsenter.Imm(sizeofCloneArgs)).
			into(regChild).atLeast(1).onErrno(child, nsenter.Short)
		c.report("", "report its pid", regChild).sync(SyncCloned)
		c.call("", "exit: the child continues", nsenter.ExitGroup, nsenter.Imm(0))
		c.mark(child)
		c.await("wait for rt's answer to the report")
	}
	c.call("", "execute the hook", nsenter.Execve, nsenter.Str(path), nsenter.Vec(argv), nsenter.Vec(env))
	c.resolve()
	// The hook is the host's, and is found from the host's root: to the rules it is no program of a container. Nor are
	// there processes of a container in the pid namespace: one that is joined is none of the boot process's then, see
	// clone_last.go.
	if err := refuse(rules.Check(&rules.Subject{Program: &c.plan.Program, Trusting: true})); err != nil {
		return nil, err
	}
	return &c.plan.Program, nil
}
