// Package plan compiles a checked config into the system calls that make the container.
//
// [Compile] turns a [spec.Spec], the facts of the host and the options of the command into a [Plan]: a program for
// package nsenter, the descriptors that the program inherits, and what the supervisor does at each of its sync points.
// Compile runs in rt; the program runs in the boot process. It is a pure function: it opens nothing and makes no system
// call, so every plan for every kernel can be read and tested without being root. It refuses what this host can't do
// (diag.Host), and what rt does not support; package spec has refused mistakes in the document.
//
// Read container.compile first: it lists the parts of a plan in their order. Then read testdata/*.plan, the plans that
// result from it. A part is a type of its own, such as devices, rights or terminal, in the file of that name.
package plan

import (
	"golang.org/x/sys/unix"

	"rt/libcontainer/host"
	"rt/nsenter"
	"rt/seccomp"
	"rt/spec"
)

// Options are what a plan depends on in addition to the config and the facts: the command line, the host's files and
// the state of rt itself.
type Options struct {
	// Wait makes the boot process wait for `rt start` on the socket in the state directory; otherwise it is released
	// over the control channel.
	Wait bool
	// NoPivot changes the root with a mount move and chroot(2) instead of pivot_root(2), for hosts whose root is an
	// initramfs.
	NoPivot bool
	// KernelMounts are the mounts of procfs and sysfs that the host has, in the order in which they were made; needed
	// only with NoPivot.
	KernelMounts []KernelMount
	// NoNewKeyring leaves the session keyring as it is inherited.
	NoNewKeyring bool
	// PreserveFDs is how many descriptors from 3 on the user's program inherits.
	PreserveFDs int
	// ID is the ID of the container.
	ID string
	// Keyring is the name of the session keyring; "" is _ses.ID.
	Keyring string
	// Sources says what each bind source is; an entry for every mount, SourceNone for those that are no binds,
	// SourceHost for those that a bind may stand in for.
	Sources []Source
	// Links are the targets of the sources of bind mounts with the option copy-symlink, for every mount; "" for a
	// source that is no link, and for all other mounts.
	Links []string
	// SourceFlags are the MS_* flags of the mounts that contain the sources of bind mounts, for every mount; only for a
	// user namespace, which can't clear them, on a kernel that can't add to them (before Linux 5.12).
	SourceFlags []uintptr
	// Modes are the modes of the directories that a tmpfs without the option mode will cover, which the tmpfs gets as
	// with other runtimes; for every mount, 0 for all others.
	Modes []uint32
	// ModesLater says for every mount whether that directory can be read only at the step itself, since an earlier
	// mount may bring it.
	ModesLater []bool
	// Nodes says what the host has at the paths of BoundDevices, where it is not NodeSame.
	Nodes map[string]Node
	// Home is the HOME of a process that joins a container if its environment has none: the home directory of the user
	// in the container's passwd.
	Home string
	// ChownStdio says which of the descriptors 0, 1, 2 are given to the container's user.
	ChownStdio [3]bool
	// CgroupFD says that a process can be cloned into the container's cgroup (CLONE_INTO_CGROUP).
	CgroupFD bool
	// CgroupJoins are the files of v1 hierarchies by which a process joins its cgroups: it writes "0" to them.
	CgroupJoins []string
	// CgroupAttach says that the supervisor puts the boot process into its cgroup at a sync point, as systemd requires.
	CgroupAttach bool
	// Env is added to process.env: what a service manager passes on (sd_listen_fds(3)).
	Env []string
	// HardLimits are rt's own hard limits, by number, for those in process.rlimits: higher ones are raised with rt's
	// rights.
	HardLimits map[int]uint64
	// OpenFiles is the hard limit of open files (RLIMIT_NOFILE) of rt and the boot process; 0 if it is unknown, which
	// counts as high enough.
	OpenFiles uint64
	// Kcore says that the host has /proc/kcore, which /dev/core points to.
	Kcore bool
	// SetgroupsDeny says that the user namespace gets "deny" in /proc/PID/setgroups, since rt maps its ids itself and
	// without privilege.
	SetgroupsDeny bool
	// Program is the path of the program if process.args[0] does not name it, as for a hook; else "".
	Program string
	// Filter is linux.seccomp compiled.
	Filter *seccomp.Filter
	// Observe says that rt records all calls of the container, whatever linux.seccomp says.
	Observe bool
	// Layer is mounted over root.path and stores all changes; if it is nil the container changes root.path itself.
	Layer *Layer
	// RootMount is the mount point of the mount that contains root.path, as the host's mount table has it; only if
	// RootMountNeeded.
	RootMount string
	// Notify is the directory of the host with the socket on which the container tells the service manager that it is
	// ready (sd_notify(3)); "" for none. It requires a mount namespace of the container's own.
	Notify string
	// IgnoredSignals and BlockedSignals are the signals that a child of rt's ignores and blocks because rt's caller
	// does: bit n-1 is signal n.
	IgnoredSignals, BlockedSignals uint64
	// ProcPidNS says that the kernel has the mount option pidns of procfs; needed only if AsksForPidNS.
	ProcPidNS bool
	// Trace adds a report to every step, with its result and time.
	Trace bool
}

// Source is what the supervisor found at the source of a bind mount.
type Source uint8

// The kinds of sources. A bind mount needs a mount point of its source's kind.
const (
	SourceNone Source = iota
	SourceDir
	SourceFile
	SourceHost // no bind: a mount of the host for which StandIn has a row, and which exists
	// SourceLater is a source below root.path, which an earlier mount may bring, or cover.
	SourceLater
)

// File is a descriptor that the supervisor opens and the boot process inherits.
type File struct {
	Kind   FileKind
	Path   string
	Flag   uintptr // FileNamespace: the kind of namespace, a CLONE_NEW* flag
	Origin string
	Index  int // FileTree: index in mounts, or -1 for the root file system; FileJoin, FileDevice: see there
}

// FileKind says what to open.
type FileKind uint8

// The kinds of files.
const (
	FileNamespace FileKind = iota // the namespace at Path
	FileTree                      // a detached copy of the mounts at Path: open_tree(2) with OPEN_TREE_CLONE
	FileCgroup                    // the directory of the container's cgroup
	FileJoin                      // the tasks file of a cgroup v1 hierarchy: Options.CgroupJoins[Index]
	FileStart                     // the listening socket in the state directory
	FileSpare                     // /dev/null: its number is reserved for what the boot process passes (see passToRt)
	FileMqueue                    // a detached mount of the message queues of rt's ipc namespace
	FileNotify                    // a detached copy of the mount at Options.Notify
	FileDevice                    // a detached mount of a new device node: linux.devices[Index], or the one at Path
	FileIDMap                     // a user namespace that maps ids as mounts[Index] asks for
	FilePidfd                     // exec: a pidfd of the container's first process
	FileBinary                    // exec: a sealed copy of a program of the host's
)

// Plan is a compiled config.
type Plan struct {
	nsenter.Program
	// Files are the descriptors that the boot process inherits, in the order of Program.FDs. The control channel comes
	// after them.
	Files []File
	// Later are further files, in batches: rt opens one at each SyncTrees, and passes it.
	Later [][]File
	// CloneFlags are the flags with which rt clones the boot process; 0 if the boot process itself clones the
	// container's process (see namespaces.go).
	CloneFlags uintptr
	// IntoCgroup says that rt clones the boot process into the container's cgroup.
	IntoCgroup bool
	// TwoStage says that the container's process is a child of the first one, cloned by a step; SyncClonedUnmapped or
	// SyncCloned reports its pid.
	TwoStage bool
	// ClonedLast says that this happens when everything is made, and that until then the first process is in all
	// namespaces of the container but the pid namespace: see clone_last.go.
	ClonedLast bool
	// Warnings are the warnings that the runtime specification asks for.
	Warnings []string

	plain *nsenter.Program // see Plain
}

// Compile compiles s for the host that f describes. Its errors are *diag.Error with the field of the config that this
// host can't satisfy.
func Compile(s *spec.Spec, f *host.Facts, o *Options) (*Plan, error) {
	c := container{newCompiler(input{spec: s, host: f, opt: o})}
	c.makeRoom()
	if err := c.checkHost(); err != nil {
		return nil, err
	}
	c.listFiles()
	if o.Observe {
		if err := (rights{c.compiler}).recordCalls(); err != nil {
			return nil, err
		}
	}
	if err := c.compile(); err != nil {
		return nil, err
	}
	return c.finish()
}

// RootMountNeeded reports whether the plan of s depends on Options.RootMount. To find it the mount table has to be
// read.
func RootMountNeeded(s *spec.Spec) bool {
	return !(&input{spec: s}).contained() && s.Namespaces.Has(unix.CLONE_NEWNS)
}
