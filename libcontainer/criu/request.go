package criu

// Kind is what a request asks for, and what a response answers: enum criu_req_type.
type Kind uint64

// The kinds that rt uses.
const (
	Dump         Kind = 1
	Restore      Kind = 2
	PreDump      Kind = 4
	Notify       Kind = 6
	FeatureCheck Kind = 9
	VersionQuery Kind = 10
)

// CgroupMode says what of the cgroups CRIU writes down and makes again: enum criu_cg_mode.
type CgroupMode int64

// The modes that criu(8) tells of under --manage-cgroups.
const (
	CgroupUnset  CgroupMode = -1
	CgroupIgnore CgroupMode = 0
	CgroupSoft   CgroupMode = 3
	CgroupFull   CgroupMode = 4
	CgroupStrict CgroupMode = 5
)

// Options are those of criu_opts that rt uses: what criu(8) tells of them is not said again here.
//
// Descriptors are numbers of this process, which CRIU finds under /proc, but for those in Inherit: they are CRIU's own, as Start has given them to it.
type Options struct {
	ImagesDir int    // a descriptor
	WorkDir   int    // a descriptor: where the log goes
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
	OrphanPtsMaster bool // Restore: a notification of that name hands over the master of a terminal
	RestoreSibling  bool // Restore: the first process becomes a child of this process, not of CRIU
	NotifyScripts   bool // send notifications
	EmptyNetwork    bool // the network namespace is neither saved nor filled again
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

// PageServer is where a Dump sends memory to, or with LazyPages waits for who fetches it.
type PageServer struct {
	Address string
	Port    int
}

// CgroupRoot is the cgroup that takes the place of the one that the processes were in; an empty controller means all.
type CgroupRoot struct{ Controller, Path string }

// Inherited is a descriptor of CRIU's that takes the place of a resource in the images.
type Inherited struct {
	Key string
	FD  int
}

// Joined is a namespace that the processes join in place of the one that they were in.
type Joined struct{ Kind, Path string }

const logEverything = 4

// encode returns criu_opts. The numbers are those of rpc.proto.
func (o *Options) encode() []byte {
	var m message
	m.number(1, int64(o.ImagesDir))
	if o.Pid != 0 {
		m.number(2, int64(o.Pid))
	}
	for _, f := range [...]struct {
		field uint64
		value bool
	}{
		{3, o.LeaveRunning},
		{4, o.ExtUnixSockets},
		{5, o.TCPEstablished},
		{7, o.ShellJob},
		{8, o.FileLocks},
		{12, o.NotifyScripts},
		{15, o.TrackMemory},
		{16, o.AutoDedup},
		{18, o.LinkRemap},
		{26, o.RestoreSibling},
		{46, o.TCPSkipInFlight},
		{48, o.LazyPages},
		{50, o.OrphanPtsMaster},
		{66, o.SkipModeCheck},
	} {
		m.flag(f.field, f.value)
	}
	m.number(9, logEverything)
	m.text(10, o.LogFile)
	if o.PageServer != nil {
		var s message
		s.text(1, o.PageServer.Address)
		s.number(2, int64(o.PageServer.Port))
		m.bytes(11, s)
	}
	m.text(13, o.Root)
	m.text(14, o.Parent)
	m.number(17, int64(o.WorkDir))
	for _, r := range o.CgroupRoots {
		var s message
		s.text(1, r.Controller)
		s.text(2, r.Path)
		m.bytes(25, s)
	}
	for _, i := range o.Inherit {
		var s message
		s.text(1, i.Key)
		s.number(2, int64(i.FD))
		m.bytes(27, s)
	}
	if o.Cgroups != CgroupUnset {
		m.flag(24, o.Cgroups != CgroupIgnore) // what versions before 34 was there go by
		m.number(34, int64(o.Cgroups))
	}
	for _, e := range o.External {
		m.text(37, e)
	}
	if o.EmptyNetwork {
		const newNet = 0x40000000 // CLONE_NEWNET
		m.number(38, newNet)
	}
	for _, j := range o.Join {
		var s message
		s.text(1, j.Kind)
		s.text(2, j.Path)
		m.bytes(39, s)
	}
	m.text(44, o.FreezeCgroup)
	m.text(51, o.ConfigFile)
	m.text(53, o.LSMProfile)
	m.text(63, o.LSMMountContext)
	return m
}

// Features are those of CRIU and the kernel together that can be asked for: criu_features.
type Features struct {
	MemoryTracking bool
	LazyPages      bool
}

func (f Features) encode() []byte {
	var m message
	m.flag(1, f.MemoryTracking)
	m.flag(2, f.LazyPages)
	return m
}

// request encodes criu_req.
func request(kind Kind, options, features []byte, success bool) []byte {
	var m message
	m.number(1, int64(kind))
	if options != nil {
		m.bytes(2, options)
	}
	m.flag(3, success)
	if features != nil {
		m.bytes(5, features)
	}
	return m
}
