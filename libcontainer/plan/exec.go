package plan

import (
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"rt/libcontainer/host"
	"rt/nsenter"
	"rt/spec"
)

// ExecOptions is what a process that joins a running container needs to be known of it.
type ExecOptions struct {
	Options
	Process *spec.Process
	// Pid is the container's first process, for names in /proc alone: the namespaces are entered through a pidfd of it.
	Pid int
	// Namespaces are the kinds, CLONE_NEW* flags, in which that process is not in rt's own namespace.
	Namespaces uintptr
	// HostBinary says that the program is not the container's: a file that rt hands over is executed by its descriptor.
	HostBinary bool
}

// CompileExec compiles the life of a process that joins the container of config s: `rt exec`. See execBoot for its order.
//
// The process is in the hands of the container's other processes from the moment on that it is in their namespaces. So it is not dumpable until it has
// become the user's program, which keeps them from tracing it and from its /proc entries (CVE-2016-9962); and before it looks up any path of the
// container it has closed all that leads to the host (CVE-2024-21626). It makes and mounts nothing in the container.
func CompileExec(s *spec.Spec, f *host.Facts, o *ExecOptions) (*Plan, error) {
	joined := *s
	joined.Process, joined.Namespaces = o.Process, spec.Namespaces{New: o.Namespaces}
	c := &compiler{spec: &joined, host: f, opt: &o.Options, joining: true}
	c.plan.Steps = make([]nsenter.Step, 0, 128)
	c.plan.Regs = registerNames[:]
	c.plan.TwoStage = true
	if err := c.canListen(); err != nil {
		return nil, err
	}
	c.execFiles(o)
	if err := c.execBoot(o); err != nil {
		return nil, err
	}
	c.resolve()
	if o.Trace {
		c.trace()
	}
	return &c.plan, nil
}

// execBoot is the life of a joining process, in its order.
func (c *compiler) execBoot(o *ExecOptions) error {
	find, become := c.findProgram, c.execute
	if o.HostBinary {
		find, become = func() error { return nil }, c.hostBinary
	}
	parts := []struct {
		name string
		emit func() error
	}{
		{"the first process", c.execFirst},
		{"namespaces", c.execNamespaces},
		{"labels", c.securityLabels},
		{"the container's root", c.execRoot},
		{"terminal", c.terminal},
		{"working directory", c.cwd},
		{"program", find},
		{"limits and scheduling", c.limits},
		{"rights", c.rights},
		{"program", become},
	}
	for _, p := range parts {
		c.part = p.name
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
	if o.Namespaces&unix.CLONE_NEWCGROUP != 0 {
		add("cgroup-ns", File{Kind: FileNamespace, Path: "/proc/" + strconv.Itoa(o.Pid) + "/ns/cgroup", Flag: unix.CLONE_NEWCGROUP, Index: -1})
	}
	if o.CgroupFD {
		add("cgroup", File{Kind: FileCgroup, Index: -1, Origin: "--cgroup"})
	}
	for i, path := range o.CgroupJoins {
		add("cgroup"+strconv.Itoa(i), File{Kind: FileJoin, Path: path, Index: i, Origin: "--cgroup"})
	}
	if c.notifies() {
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

// execFirst compiles what rt's child does before it makes the process that will be the program: whatever needs the host's view or rt's rights,
// and the way into the namespaces, all of them at once (setns(2) of a pidfd, Linux 5.8, which enters the user namespace first).
//
// The cgroup namespace has to wait until the process is in its cgroup: where delegation ends at namespaces (cgroup2's nsdelegate),
// nobody can be cloned into a cgroup from inside a namespace that does not hold both ends of the way.
func (c *compiler) execFirst() error {
	c.closeOnExec()
	c.affinity("initial")
	c.joinCgroups()
	c.oomScore()
	c.raiseLimits()
	p := c.spec.Process
	if p.AppArmor != "" || p.SELinuxLabel != "" {
		// The container's /proc is not to be trusted, and a new one may be refused in its user namespace; the host's shows this process too.
		c.procOpen = true
		c.do("", "keep the host's /proc at hand", nsenter.Openat, nsenter.Cwd, nsenter.Str("/proc"),
			nsenter.Flags(&nsenter.OpenFlags, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC)).to(regProc)
	}
	if !c.mountNamespace() {
		if err := c.rootfs(); err != nil {
			return err
		}
	}
	c.notDumpable()
	if flags := c.spec.Namespaces.New &^ unix.CLONE_NEWCGROUP; flags != 0 {
		pidfd, _ := c.file(func(f *File) bool { return f.Kind == FilePidfd })
		c.do("", "enter the container's namespaces", nsenter.Setns, nsenter.Num(pidfd), nsenter.Flags(&nsenter.CloneFlags, flags))
	}
	c.bear("make the process, a child of rt's in the container's pid namespace", 0, c.opt.CgroupFD)
	c.await("wait for rt")
	return nil
}

// execNamespaces compiles the rest of the joining.
func (c *compiler) execNamespaces() error {
	if c.spec.Namespaces.Has(unix.CLONE_NEWUSER) {
		c.becomeRoot()
	}
	c.join(unix.CLONE_NEWCGROUP)
	c.do("", "a session of its own", nsenter.Setsid).ignore(unix.EPERM)
	c.affinity("final")
	if !c.opt.NoNewKeyring {
		c.keyring()
	}
	return nil
}

// affinity binds the process to process.execCPUAffinity. Without one it may run wherever its cgroup may: since Linux 6.2 (8f9ea86fdf99) a
// process keeps the CPUs that it was bound to before, and what rt was bound to is no business of the container's.
func (c *compiler) affinity(which string) {
	a := c.spec.Process.OCI.ExecCPUAffinity
	switch {
	case a == nil && which == "final":
		const bytes = 128
		c.do("", "run wherever the cgroup may", nsenter.SchedSetaffinity, nsenter.Imm(0), nsenter.Imm(bytes),
			nsenter.Data(strings.Repeat("\xff", bytes), "{all}")).ignore(unix.EINVAL, unix.EPERM)
	case a != nil && which == "initial" && a.Initial != "":
		c.bindTo("process.execCPUAffinity.initial", a.Initial)
	case a != nil && which == "final" && a.Final != "":
		c.bindTo("process.execCPUAffinity.final", a.Final)
	}
}

// bindTo binds the process to the CPUs of a list: sched_setaffinity(2).
func (c *compiler) bindTo(origin, list string) {
	mask := bitList(list)
	c.do(origin, "run on these CPUs", nsenter.SchedSetaffinity, nsenter.Imm(0), nsenter.Imm(len(mask)), nsenter.Data(string(mask), "{"+list+"}"))
}

// execRoot takes the container's root in hand, and lets go of the host: from here on names that the container may have made up are looked up.
// Entering the mount namespace has made its root the root and the working directory of this process (setns(2)).
func (c *compiler) execRoot() error {
	if !c.mountNamespace() {
		if err := c.enterRoot(); err != nil {
			return err
		}
	}
	ctl := c.plan.Number(c.plan.Ctl)
	last := ctl - 1
	if _, ok := c.file(func(f *File) bool { return f.Kind == FileBinary }); ok {
		last--
	}
	c.do("", "close what leads to the host", nsenter.CloseRange, nsenter.Imm(c.plan.FirstFD), nsenter.Imm(last), nsenter.Imm(0))
	c.do("", "close what leads to the host", nsenter.CloseRange, nsenter.Imm(ctl+1), nsenter.Imm(int64(^uint32(0))), nsenter.Imm(0))
	c.do("", "open the container's root", nsenter.Openat, nsenter.Cwd, nsenter.Str("/"),
		nsenter.Flags(&nsenter.OpenFlags, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC)).to(regRoot)
	return nil
}

// hostBinary becomes a program of the host's: a sealed copy of it that has no name anywhere, so that nothing of the container can reach or change
// the file it was made of. See execveat(2), AT_EMPTY_PATH.
func (c *compiler) hostBinary() error {
	binary, _ := c.file(func(f *File) bool { return f.Kind == FileBinary })
	c.do("--host-binary", "become the host's program", nsenter.Execveat, nsenter.Num(binary), nsenter.Str(""),
		nsenter.Vec(c.spec.Process.Args), nsenter.Vec(c.environment()), nsenter.Flags(&nsenter.AtFlags, unix.AT_EMPTY_PATH))
	return nil
}
