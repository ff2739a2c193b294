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
	// AttachFirst says that the supervisor has systemd move the first process into the cgroup, at a sync point: rt may
	// not move it, and a user's systemd moves only processes of this user, which the second one may not be.
	AttachFirst bool
}

// CompileExec compiles the plan of a process that joins the container of config s: `rt exec`. See joiner.compile for
// the order.
//
// The other processes of the container see the process as soon as it is in their pid namespace, and one with
// CAP_SYS_PTRACE may then trace it, dumpable or not. So it is cloned without descriptors and with no more rights than
// the program will have. A first process, which they can't see, does everything that requires rt's rights or the host's
// paths, in the container's other namespaces. It closes what leads to the host, drops its rights, and clones the
// process. Then nothing of the host's can be taken from it (CVE-2016-9962), and no path of the container's leads out
// through a descriptor (CVE-2024-21626). Nor is it dumpable until it is the user's program. It makes and mounts nothing
// in the container.
func CompileExec(s *spec.Spec, f *host.Facts, o *ExecOptions) (*Plan, error) {
	joined := *s
	joined.Process, joined.Namespaces = o.Process, spec.Namespaces{New: o.Namespaces}
	c := joiner{newCompiler(input{spec: &joined, host: f, opt: &o.Options, joins: joinsProcess})}
	c.plan.Steps = make([]nsenter.Step, 0, 128)
	c.plan.TwoStage, c.plan.IntoCgroup = true, o.CgroupFD
	if err := (rights{c.compiler}).checkListener(); err != nil {
		return nil, err
	}
	c.listFiles(o)
	if err := c.compile(o); err != nil {
		return nil, err
	}
	return c.finish()
}

// joiner is the plan of a process that joins a container.
type joiner struct{ *compiler }

// compile compiles the steps of a joining process, in order.
func (c joiner) compile(o *ExecOptions) error {
	b, m := c.compiler, mounter{c.compiler}
	r := &execRights{rights: rights{b}}
	find, become := program{b}.find, program{b}.execute
	if o.HostBinary {
		find, become = func() error { return nil }, program{b}.executeHostBinary
	}
	parts := []part{
		{"the first process", func() error { return c.compileFirst(o) }},
		{"labels", c.setLabels},
		{"namespaces", c.joinNamespaces},
		{"terminal", terminal{m}.compile},
		{"working directory", workingDirectory{m}.enterFirst},
		{"descriptors", start{b}.closeDescriptors},
		{"limits and scheduling", limits{b}.compile},
		{"rights", r.drop},
		{"the process", r.cloneProcess},
		{"find the program", find},
		{"final rights", r.complete},
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

// listFiles lists the descriptors that the joining process inherits.
func (c joiner) listFiles(o *ExecOptions) {
	add := func(name string, f File) {
		c.plan.Files = append(c.plan.Files, f)
		c.plan.FDs = append(c.plan.FDs, name)
	}
	add("pidfd", File{Kind: FilePidfd, Index: -1})
	for i, path := range o.CgroupJoins {
		add("cgroup"+strconv.Itoa(i), File{Kind: FileJoin, Path: path, Index: i, Origin: "--cgroup"})
	}
	if c.hasListener() || c.spec.Process.Terminal {
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

// compileFirst compiles what rt's child does with rt's rights. It was cloned into the container's cgroup, or enters it
// here.
func (c joiner) compileFirst(o *ExecOptions) error {
	processes{c.compiler}.setName()
	processes{c.compiler}.resetSignals()
	processes{c.compiler}.closeChannelOnExec()
	processes{c.compiler}.joinCgroups()
	if o.AttachFirst {
		c.report("linux.cgroupsPath", "ask rt to have systemd move the process into the cgroup",
			nsenter.Nowhere).sync(SyncAttach, "have systemd put the first process into the cgroup")
		c.await("wait until systemd has moved the process")
	}
	procfs{c.compiler}.setOOMScore()
	limits{c.compiler}.raiseHard()
	return nil
}

// setLabels sets the LSM label while the process still sees the host's /proc: the container's is not to be trusted
// (CVE-2019-16884), and a new one may be refused in its user namespace. A child inherits the label for the next execve.
func (c joiner) setLabels() error {
	p := c.spec.Process
	if p.AppArmor != "" || p.SELinuxLabel != "" || p.Terminal {
		c.procOpen = true
		c.call("", "open the host's /proc", nsenter.Openat, nsenter.Cwd, nsenter.Str("/proc"),
			nsenter.Flags(&nsenter.OpenFlags, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC)).into(regProc)
	}
	if !c.opt.NoNewKeyring {
		procfs{c.compiler}.setKeyLabel()
	}
	return procfs{c.compiler}.setLabels()
}

// joinNamespaces enters the container's namespaces, all of them at once (setns(2) of a pidfd, Linux 5.8, which enters
// the user namespace first; entering the mount namespace makes its root the root and the working directory of this
// process). This process itself stays outside of the pid namespace.
func (c joiner) joinNamespaces() error {
	if !c.hasMountNamespace() {
		if err := (rootFileSystem{mounter{c.compiler}}).compile(); err != nil {
			return err
		}
	}
	c.clearDumpable()
	if flags := c.spec.Namespaces.New; flags != 0 {
		pidfd, _ := c.findFile(func(f *File) bool { return f.Kind == FilePidfd })
		c.call("", "join the container's namespaces", nsenter.Setns, nsenter.Num(pidfd),
			nsenter.Flags(&nsenter.CloneFlags, flags))
		if flags&unix.CLONE_NEWUSER != 0 {
			c.clearDumpableAgain()
		}
	}
	if !c.hasMountNamespace() {
		if err := (rootFileSystem{mounter{c.compiler}}).changeRoot(); err != nil {
			return err
		}
	}
	if c.spec.Namespaces.Has(unix.CLONE_NEWUSER) {
		c.becomeRoot()
	}
	limits{c.compiler}.setExecAffinity()
	if !c.opt.NoNewKeyring {
		namespaces{c.compiler}.joinKeyring()
	}
	c.call("", "open the container's root", nsenter.Openat, nsenter.Cwd, nsenter.Str("/"),
		nsenter.Flags(&nsenter.OpenFlags, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC)).into(regRoot)
	return nil
}

// setExecAffinity binds the process to process.execCPUAffinity.final; rt has bound the first process to the initial
// CPUs. Without either the process may run on all CPUs of its cgroup.
func (c limits) setExecAffinity() {
	a := c.spec.Process.OCI.ExecCPUAffinity
	switch {
	case a == nil:
		c.allowAllCPUs()
	case a.Final != "":
		mask := bitList(a.Final)
		c.call("process.execCPUAffinity.final", "set the CPU affinity", nsenter.SchedSetaffinity, nsenter.Imm(0),
			nsenter.Imm(len(mask)),
			nsenter.Data(string(mask), "{"+a.Final+"}"))
	}
}
