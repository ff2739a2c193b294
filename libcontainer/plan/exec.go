package plan

import (
	"strconv"

	"golang.org/x/sys/unix"

	"rt/libcontainer/host"
	"rt/nsenter"
	"rt/spec"
)

// ExecOptions describes the container that a process joins.
type ExecOptions struct {
	Options
	Process *spec.Process
	// Namespaces are the types, CLONE_NEW* flags, in which the container's process is not in rt's own namespace.
	Namespaces uintptr
	// HostBinary says that the program is not the container's: rt passes a file, which is executed by its
	// descriptor.
	HostBinary bool
}

// CompileExec compiles the plan of a process that joins the container of config s: `rt exec`. See execBoot for the
// order.
//
// The other processes of the container see the process as soon as it is in their pid namespace, and one with
// CAP_SYS_PTRACE may then trace it, dumpable or not. So it is cloned without descriptors and with no more rights than
// the program will have. A first process, which they can't see, does all that takes rt's rights or the host's paths, in
// the container's other namespaces, closes what leads to the host, drops its rights, and clones the process. Then
// nothing of the host's can be taken from it (CVE-2016-9962), and no path of the container's leads out through a
// descriptor (CVE-2024-21626). Nor is it dumpable until it is the user's program. It makes and mounts nothing in the
// container.
func CompileExec(s *spec.Spec, f *host.Facts, o *ExecOptions) (*Plan, error) {
	joined := *s
	joined.Process, joined.Namespaces = o.Process, spec.Namespaces{New: o.Namespaces}
	c := &compiler{spec: &joined, host: f, opt: &o.Options, joins: joinsProcess}
	c.plan.Steps = make([]nsenter.Step, 0, 128)
	c.plan.Regs = registerNames[:]
	c.plan.TwoStage, c.plan.IntoCgroup = true, o.CgroupFD
	if err := c.canListen(); err != nil {
		return nil, err
	}
	c.execFiles(o)
	if err := c.execBoot(o); err != nil {
		return nil, err
	}
	return c.finish()
}

// execBoot compiles the steps of a joining process, in order.
func (c *compiler) execBoot(o *ExecOptions) error {
	find, become := c.findProgram, c.execute
	if o.HostBinary {
		find, become = func() error { return nil }, c.hostBinary
	}
	parts := []part{
		{"the first process", c.execFirst},
		{"labels", c.execLabels},
		{"namespaces", c.execNamespaces},
		{"terminal", c.terminal},
		{"working directory", c.cwd},
		{"descriptors", c.letGo},
		{"limits and scheduling", c.limits},
		{"rights", c.execRights},
		{"the process", c.execProcess},
		{"find the program", find},
		{"final rights", c.execLast},
		{"program", become},
	}
	for _, p := range parts {
		c.begin(p.name)
		if err := p.emit(); err != nil {
			return err
		}
	}
	return nil
}

// execFiles lists the descriptors that the joining process inherits.
func (c *compiler) execFiles(o *ExecOptions) {
	add := func(name string, f File) {
		c.plan.Files = append(c.plan.Files, f)
		c.plan.FDs = append(c.plan.FDs, name)
	}
	add("pidfd", File{Kind: FilePidfd, Index: -1})
	for i, path := range o.CgroupJoins {
		add("cgroup"+strconv.Itoa(i), File{Kind: FileJoin, Path: path, Index: i, Origin: "--cgroup"})
	}
	if c.notifies() || c.spec.Process.Terminal {
		add("spare", File{Kind: FileSpare, Path: "/dev/null", Index: -1})
	}
	if o.HostBinary {
		// The last one, so that those in front of it can be closed at once.
		add("binary", File{Kind: FileBinary, Index: -1, Origin: "--host-binary"})
	}
	c.plan.FirstFD = 3 + c.opt.PreserveFDs
	c.plan.Ctl = nsenter.FD(len(c.plan.FDs))
	c.plan.FDs = append(c.plan.FDs, "ctl")
}

// execFirst compiles what rt's child does with rt's rights. It was cloned into the container's cgroup, or enters it
// here.
func (c *compiler) execFirst() error {
	c.name()
	c.signals()
	c.closeChannelOnExec()
	c.joinCgroups()
	c.oomScore()
	c.raiseLimits()
	return nil
}

// execLabels sets the LSM label while the process still sees the host's /proc: the container's is not to be trusted
// (CVE-2019-16884), and a new one may be refused in its user namespace. A child inherits the label for the next execve.
func (c *compiler) execLabels() error {
	p := c.spec.Process
	if p.AppArmor != "" || p.SELinuxLabel != "" || p.Terminal {
		c.procOpen = true
		c.do("", "open the host's /proc", nsenter.Openat, nsenter.Cwd, nsenter.Str("/proc"),
			nsenter.Flags(&nsenter.OpenFlags, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC)).to(regProc)
	}
	if !c.opt.NoNewKeyring {
		c.keyLabel()
	}
	return c.securityLabels()
}

// execNamespaces enters the container's namespaces, all of them at once (setns(2) of a pidfd, Linux 5.8, which enters
// the user namespace first; entering the mount namespace makes its root the root and the working directory of this
// process). This process itself stays outside of the pid namespace.
func (c *compiler) execNamespaces() error {
	if !c.mountNamespace() {
		if err := c.rootfs(); err != nil {
			return err
		}
	}
	c.notDumpable()
	if flags := c.spec.Namespaces.New; flags != 0 {
		pidfd, _ := c.file(func(f *File) bool { return f.Kind == FilePidfd })
		c.do("", "join the container's namespaces", nsenter.Setns, nsenter.Num(pidfd),
			nsenter.Flags(&nsenter.CloneFlags, flags))
		if flags&unix.CLONE_NEWUSER != 0 {
			c.stillNotDumpable()
		}
	}
	if !c.mountNamespace() {
		if err := c.enterRoot(); err != nil {
			return err
		}
	}
	if c.spec.Namespaces.Has(unix.CLONE_NEWUSER) {
		c.becomeRoot()
	}
	c.affinity()
	if !c.opt.NoNewKeyring {
		c.keyring()
	}
	c.do("", "open the container's root", nsenter.Openat, nsenter.Cwd, nsenter.Str("/"),
		nsenter.Flags(&nsenter.OpenFlags, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC)).to(regRoot)
	return nil
}

// affinity binds the process to process.execCPUAffinity.final; rt has bound the first process to the initial CPUs.
// Without either the process may run on all CPUs of its cgroup.
func (c *compiler) affinity() {
	a := c.spec.Process.OCI.ExecCPUAffinity
	switch {
	case a == nil:
		c.unbind()
	case a.Final != "":
		mask := bitList(a.Final)
		c.do("process.execCPUAffinity.final", "set the CPU affinity", nsenter.SchedSetaffinity, nsenter.Imm(0),
			nsenter.Imm(len(mask)),
			nsenter.Data(string(mask), "{"+a.Final+"}"))
	}
}

// hostBinary executes a program of the host's: a sealed copy that has no name anywhere, so that nothing in the
// container can reach or change the file it was made from. See execveat(2), AT_EMPTY_PATH.
func (c *compiler) hostBinary() error {
	binary, _ := c.file(func(f *File) bool { return f.Kind == FileBinary })
	c.do("--host-binary", "execute the host's program", nsenter.Execveat, nsenter.Num(binary), nsenter.Str(""),
		nsenter.Vec(c.spec.Process.Args), c.environment(), nsenter.Flags(&nsenter.AtFlags, unix.AT_EMPTY_PATH))
	return nil
}
