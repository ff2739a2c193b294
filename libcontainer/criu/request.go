package criu

import (
	"github.com/checkpoint-restore/go-criu/v8/rpc"
	"golang.org/x/sys/unix"
)

// Kind is the type of a request and of its response: enum criu_req_type.
type Kind = rpc.CriuReqType

// The kinds that rt uses.
const (
	Dump         = rpc.CriuReqType_DUMP
	Restore      = rpc.CriuReqType_RESTORE
	PreDump      = rpc.CriuReqType_PRE_DUMP
	Notify       = rpc.CriuReqType_NOTIFY
	FeatureCheck = rpc.CriuReqType_FEATURE_CHECK
	VersionQuery = rpc.CriuReqType_VERSION
)

// CgroupMode says what CRIU dumps and restores of cgroups: enum criu_cg_mode.
type CgroupMode = rpc.CriuCgMode

// The modes of criu(8), --manage-cgroups.
const (
	CgroupUnset  = CgroupMode(-1)
	CgroupIgnore = rpc.CriuCgMode_IGNORE
	CgroupSoft   = rpc.CriuCgMode_SOFT
	CgroupFull   = rpc.CriuCgMode_FULL
	CgroupStrict = rpc.CriuCgMode_STRICT
)

// Options are the fields of criu_opts that rt uses. criu(8) documents them.
//
// Descriptors are numbers in this process, which CRIU finds under /proc, except those in Inherit, which are numbers in
// CRIU: see FirstFile.
type Options struct {
	ImagesDir int    // a descriptor
	WorkDir   int    // a descriptor: the directory of the log
	LogFile   string // a name in WorkDir
	Root      string // of the file system of the processes; for Restore a mount point
	Pid       int    // Dump, PreDump: the first of the processes
	Parent    string // the images of an earlier PreDump, relative to ImagesDir

	LeaveRunning    bool
	TrackMemory     bool
	AutoDedup       bool
	LazyPages       bool
	TCPEstablished  bool
	TCPSkipInFlight bool
	ExtUnixSockets  bool
	ShellJob        bool
	FileLocks       bool
	LinkRemap       bool
	SkipModeCheck   bool // Restore: files that are open may have other permissions by now (CRIU 3.17)
	OrphanPtsMaster bool // Restore: a notification of that name passes the master of a terminal
	RestoreSibling  bool // Restore: the first process becomes a child of this process, not of CRIU
	NotifyScripts   bool // send notifications
	EmptyNetwork    bool // the network namespace is neither dumped nor restored
	PageServer      *PageServer
	Cgroups         CgroupMode
	CgroupRoots     []CgroupRoot
	FreezeCgroup    string
	External        []string // "mnt[/data]:name", "net[inode]:name", "file[mount:inode]": see criu(8), --external
	Inherit         []Inherited
	Join            []Joined
	LSMProfile      string // "apparmor:name", "selinux:label"
	LSMMountContext string
	ConfigFile      string
}

// PageServer is the address that a Dump sends memory pages to, or with LazyPages serves them on.
type PageServer struct {
	Address string
	Port    int
}

// CgroupRoot is the cgroup that replaces the one of the dumped processes; an empty controller means all.
type CgroupRoot struct{ Controller, Path string }

// Inherited is a descriptor in CRIU that replaces a resource in the images.
type Inherited struct {
	Key string
	FD  int
}

// Joined is a namespace that the processes join instead of their dumped one.
type Joined struct{ Kind, Path string }

const logEverything = 4

// message returns criu_opts. A field with its zero value is left out: that means the same to CRIU, and older versions
// may not know the field.
func (o *Options) message() *rpc.CriuOpts {
	m := &rpc.CriuOpts{
		ImagesDirFd:      new(int32(o.ImagesDir)),
		WorkDirFd:        new(int32(o.WorkDir)),
		LogLevel:         new(int32(logEverything)),
		LogFile:          optional(o.LogFile),
		Root:             optional(o.Root),
		Pid:              optional(int32(o.Pid)),
		ParentImg:        optional(o.Parent),
		LeaveRunning:     optional(o.LeaveRunning),
		TrackMem:         optional(o.TrackMemory),
		AutoDedup:        optional(o.AutoDedup),
		LazyPages:        optional(o.LazyPages),
		TcpEstablished:   optional(o.TCPEstablished),
		TcpSkipInFlight:  optional(o.TCPSkipInFlight),
		ExtUnixSk:        optional(o.ExtUnixSockets),
		ShellJob:         optional(o.ShellJob),
		FileLocks:        optional(o.FileLocks),
		LinkRemap:        optional(o.LinkRemap),
		SkipFileRwxCheck: optional(o.SkipModeCheck),
		OrphanPtsMaster:  optional(o.OrphanPtsMaster),
		RstSibling:       optional(o.RestoreSibling),
		NotifyScripts:    optional(o.NotifyScripts),
		FreezeCgroup:     optional(o.FreezeCgroup),
		External:         o.External,
		LsmProfile:       optional(o.LSMProfile),
		LsmMountContext:  optional(o.LSMMountContext),
		ConfigFile:       optional(o.ConfigFile),
	}
	if o.PageServer != nil {
		m.Ps = &rpc.CriuPageServerInfo{Address: &o.PageServer.Address, Port: new(int32(o.PageServer.Port))}
	}
	if o.Cgroups != CgroupUnset {
		m.ManageCgroups = optional(o.Cgroups != CgroupIgnore) // for versions without the mode
		m.ManageCgroupsMode = &o.Cgroups
	}
	for i := range o.CgroupRoots {
		r := &o.CgroupRoots[i]
		m.CgRoot = append(m.CgRoot, &rpc.CgroupRoot{Ctrl: optional(r.Controller), Path: &r.Path})
	}
	for i := range o.Inherit {
		in := &o.Inherit[i]
		m.InheritFd = append(m.InheritFd, &rpc.InheritFd{Key: &in.Key, Fd: new(int32(in.FD))})
	}
	for i := range o.Join {
		j := &o.Join[i]
		m.JoinNs = append(m.JoinNs, &rpc.JoinNamespace{Ns: &j.Kind, NsFile: &j.Path})
	}
	if o.EmptyNetwork {
		m.EmptyNs = new(uint32(unix.CLONE_NEWNET))
	}
	return m
}

// optional returns a pointer to value, nil for the zero value.
func optional[T comparable](value T) *T {
	var zero T
	if value == zero {
		return nil
	}
	return &value
}

// Features are the features of CRIU and the kernel that can be queried: criu_features.
type Features struct {
	MemoryTracking bool
	LazyPages      bool
}

func (f Features) message() *rpc.CriuFeatures {
	return &rpc.CriuFeatures{MemTrack: optional(f.MemoryTracking), LazyPages: optional(f.LazyPages)}
}

// encode returns the bytes of a criu_req.
func encode(r *rpc.CriuReq) []byte {
	b, err := r.MarshalVT()
	if err != nil {
		panic("criu: a request lacks a field that is required: " + err.Error())
	}
	return b
}
