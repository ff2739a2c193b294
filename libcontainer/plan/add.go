package plan

import (
	"strconv"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/libcontainer/host"
	"rt/nsenter"
	"rt/spec"
)

// AddOptions describe the container to which a mount is added, or from which it is removed.
type AddOptions struct {
	// Namespaces are those of CLONE_NEWUSER and CLONE_NEWNS in which the container's process is not in rt's own
	// namespace.
	Namespaces uintptr
	// Source says what the source of a bind mount is.
	Source Source
	// ModeLater says that the new mount is a tmpfs that gets the mode of the directory that it covers.
	ModeLater bool
	// IgnoredSignals and BlockedSignals are as in Options.
	IgnoredSignals, BlockedSignals uint64
}

// CompileAdd compiles the plan of a process that makes the only mount of s in a container that runs: `rt mount`.
//
// The mount is made as one of config.json is: the source is cloned outside, restricted while nobody sees the clone, and
// attached by the descriptor of its mount point, which is resolved below the container's root. But processes of the
// container run meanwhile. The process is not dumpable and not in their pid namespace, so none of them can get at its
// clone before that is attached; and if they replace the mount point, the mount goes to the one that was opened. rt
// records the mount before it is attached.
func CompileAdd(s *spec.Spec, f *host.Facts, o *AddOptions) (*Plan, error) {
	c := newAdder(s, f, o)
	c.opt.Sources = []Source{o.Source}
	if o.ModeLater {
		c.opt.ModesLater = []bool{true}
	}
	m := &c.spec.Mounts[0]
	if err := c.checkIDMapping(m); err != nil {
		return nil, err
	}
	aside := m.Bind && !c.treesByRT()
	if aside && o.Namespaces&unix.CLONE_NEWUSER == 0 {
		return nil, &diag.Error{
			Kind: diag.Host, Field: mountPath(m, "source"), Value: m.Source,
			Problem: "can't be cloned: that requires CAP_SYS_ADMIN, or a user namespace of the container's own",
		}
	}
	if c.treesByRT() {
		bindMounts{mounter{c.compiler}}.listTrees(c.addFile)
	}
	c.completeFiles()
	c.begin("namespaces")
	c.addStart()
	rest := o.Namespaces
	if aside {
		c.cloneAside(m)
		rest &^= unix.CLONE_NEWUSER
	}
	c.joinContainer(rest)
	c.begin("mount")
	if err := (mounts{mounter{c.compiler}}).compile(); err != nil {
		return nil, err
	}
	return c.complete()
}

// CompileRemove compiles the plan of a process that removes the mount at a path of the container of s: `rt umount`. rt
// compares what it finds there with what it has added.
//
// umount2(2) takes a path only. That of a descriptor of this process, in the host's procfs, leads to the mount which rt
// has compared, wherever the container moves it. It is detached at once, with what is mounted in it; a process that has
// a file of it open keeps that.
func CompileRemove(s *spec.Spec, f *host.Facts, destination string, o *AddOptions) (*Plan, error) {
	c := newAdder(s, f, o)
	c.spec.Mounts = nil
	c.completeFiles()
	c.begin("namespaces")
	c.addStart()
	c.call("", "open the host's /proc", nsenter.Openat, nsenter.Cwd, nsenter.Str("/proc"),
		nsenter.Flags(&nsenter.OpenFlags, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC)).into(regProc)
	c.joinContainer(o.Namespaces)
	c.begin("mount")
	const origin = "mounts[0].destination"
	c.open(origin, "find what is mounted there", regRoot, destination, howPath).into(regTarget)
	c.passToRt(origin, "the mount", regTarget).
		sync(SyncRemove, "check that rt has added this mount").about(destination)
	c.await("wait until rt has compared it")
	c.enter("", regProc)
	spare := c.plan.Number(c.spareFD("the mount"))
	c.call(origin, "unmount what the descriptor leads to", nsenter.Umount2,
		nsenter.Str("self/fd/"+strconv.Itoa(spare)), nsenter.Flags(&nsenter.UmountFlags, unix.MNT_DETACH))
	return c.complete()
}

// adder compiles a plan for a container that runs.
type adder struct{ *compiler }

// newAdder begins a plan for a container that runs.
func newAdder(s *spec.Spec, f *host.Facts, o *AddOptions) *adder {
	joined := *s
	joined.Process, joined.Namespaces = nil, spec.Namespaces{New: o.Namespaces}
	c := &adder{newCompiler(input{
		spec: &joined, host: f, joins: joinsMount,
		opt: &Options{IgnoredSignals: o.IgnoredSignals, BlockedSignals: o.BlockedSignals},
	})}
	c.plan.Steps = make([]nsenter.Step, 0, 64)
	return c
}

// addFile adds a descriptor that the process inherits.
func (c *adder) addFile(name string, f File) {
	c.plan.Files = append(c.plan.Files, f)
	c.plan.FDs = append(c.plan.FDs, name)
}

// completeFiles completes the list of descriptors that the process inherits.
func (c *adder) completeFiles() {
	c.addFile("pidfd", File{Kind: FilePidfd, Index: -1})
	for i := range c.spec.Mounts {
		if m := &c.spec.Mounts[i]; m.IDMap && !c.treesByRT() {
			c.addFile("idmap"+strconv.Itoa(i), File{Kind: FileIDMap, Index: i, Origin: mountPath(m, "uidMappings")})
		}
	}
	c.addFile("spare", File{Kind: FileSpare, Path: "/dev/null", Index: -1})
	c.plan.FirstFD = 3
	c.plan.Ctl = nsenter.FD(len(c.plan.FDs))
	c.plan.FDs = append(c.plan.FDs, "ctl")
}

// addStart compiles what comes before other processes can see this one.
func (c *adder) addStart() {
	processes{c.compiler}.setName()
	processes{c.compiler}.resetSignals()
	c.call("", "clear the umask: later modes are exact", nsenter.Umask, nsenter.Imm(0))
	c.clearDumpable()
}

// cloneAside clones the source of a bind mount where rt has no right to: in a mount namespace of the process's own,
// which the container's user namespace owns and which has the host's mounts. There the process has that right.
func (c *adder) cloneAside(m *spec.Mount) {
	c.joinContainer(unix.CLONE_NEWUSER)
	c.call("", "create a mount namespace with the host's mounts", nsenter.Unshare,
		nsenter.Flags(&nsenter.CloneFlags, unix.CLONE_NEWNS))
	c.call("", "do not propagate mounts to the host", nsenter.Mount, nsenter.Null, nsenter.Str("/"), nsenter.Null,
		nsenter.Flags(&nsenter.MountFlags, unix.MS_SLAVE|unix.MS_REC), nsenter.Null)
	cloneSource(c.compiler, m)
}

// joinContainer enters namespaces of the container. With the mount namespace its root becomes the root directory.
func (c *adder) joinContainer(flags uintptr) {
	pidfd, _ := c.findFile(func(f *File) bool { return f.Kind == FilePidfd })
	c.call("", "join the container's namespaces", nsenter.Setns, nsenter.Num(pidfd),
		nsenter.Flags(&nsenter.CloneFlags, flags))
	if flags&unix.CLONE_NEWUSER != 0 {
		c.clearDumpableAgain()
		c.becomeRoot()
	}
	if flags&unix.CLONE_NEWNS != 0 {
		c.call("", "open the container's root", nsenter.Openat, nsenter.Cwd, nsenter.Str("/"),
			nsenter.Flags(&nsenter.OpenFlags, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC)).into(regRoot)
	}
}

// recordAdded has rt record the mount in tree before it is attached.
func recordAdded(c *compiler, origin string, tree nsenter.Reg) {
	c.passToRt(origin, "the mount", tree).sync(SyncAdd, "record the mount in the state of the container")
	c.await("wait until rt has recorded it")
}

// complete completes the plan, and checks it.
func (c *adder) complete() (*Plan, error) {
	c.call("", "exit", nsenter.ExitGroup, nsenter.Imm(0))
	c.resolve()
	if err := c.check(); err != nil {
		return nil, err
	}
	return &c.plan, nil
}
