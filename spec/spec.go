// Package spec turns config.json into typed, checked values.
//
// It decodes the document once (decode_gen.go) and checks it once and completely (config.go, and a file for each
// section). It parses while it checks: the word "rro" goes in, an attribute mask and a recursive bit come out, so that
// from there on a wrong value can't be expressed. [Load] returns all problems of a document in one error; [Examine]
// also finds what no error is made of, such as misspelled properties.
//
// It opens nothing but config.json, and refuses only what the document itself gets wrong: what this machine can't do is
// found by package plan. It runs in rt only, never in the boot process.
//
// It follows the OCI runtime specification 1.3: config.md and config-linux.md. Unknown properties are ignored
// (config.md, Extensibility), unknown values are errors (Valid values).
package spec

import (
	"strconv"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// Spec is a checked config.json. Nothing in it changes after Load has returned it.
type Spec struct {
	OCI    *specs.Spec // the document as it was decoded: for hooks, annotations, resources, seccomp
	Raw    []byte      // the document itself: the state directory keeps a copy
	Bundle string      // absolute path of the bundle directory

	Rootfs       string // root.path, absolute and clean
	RootReadonly bool
	// linux.rootfsPropagation as MS_SHARED, MS_SLAVE, MS_PRIVATE, MS_UNBINDABLE, with MS_REC for the r-words; 0: not
	// given
	RootPropagation uintptr
	Hostname        string
	Domainname      string
	Namespaces      Namespaces
	UIDMappings     []specs.LinuxIDMapping
	GIDMappings     []specs.LinuxIDMapping
	TimeOffsets     []TimeOffset
	Process         *Process // nil if the config has none: such a container can be created, not started
	Mounts          []Mount
	Devices         []Device // linux.devices in order; package plan adds the default devices
	MaskedPaths     []string
	ReadonlyPaths   []string
	Sysctl          []Sysctl // sorted by key
	MountLabel      string
	CgroupsPath     string

	Warnings []string  // what the spec says to warn about; printed only if the command succeeds
	Unknown  []Unknown // properties that rt does not know, filled on request only
}

// Unknown is a property of the document that the spec does not define.
type Unknown struct {
	Path    string // "process.argz"
	Nearest string // the known name most like it: "args"; empty if none is near
	Used    bool   // only the case differs from Nearest: rt reads it as that, as other runtimes in Go do
	Line    int    // counted from 1
	Column  int    // counted from 1, in characters
}

// Namespaces are the namespaces that the container gets. One that is neither new nor joined is the runtime's own.
type Namespaces struct {
	New  uintptr // CLONE_NEW* of all that are created
	Join []Join  // those that are joined, in the order of the document
}

// Join is an entry of linux.namespaces that has a path.
type Join struct {
	Flag  uintptr // one CLONE_NEW*
	Path  string
	Index int // in linux.namespaces, for messages
}

// Field returns the path of the entry's path in config.json, for messages: "linux.namespaces[3].path".
func (j *Join) Field() string { return "linux.namespaces[" + strconv.Itoa(j.Index) + "].path" }

// Has reports whether the container has a namespace of a type, one CLONE_NEW*, that is not the runtime's: new or
// joined.
func (n Namespaces) Has(flag uintptr) bool {
	return n.New&flag != 0 || n.Joined(flag) != nil
}

// Joined returns the entry that joins a namespace of a type, one CLONE_NEW*, or nil.
func (n Namespaces) Joined(flag uintptr) *Join {
	for i := range n.Join {
		if n.Join[i].Flag == flag {
			return &n.Join[i]
		}
	}
	return nil
}

// TimeOffset is one line of /proc/PID/timens_offsets (time_namespaces(7)).
type TimeOffset struct {
	Clock   string // "monotonic" or "boottime"
	Secs    int64
	Nanosec uint32 // from 0 to 999999999, added to Secs
}

// Process is a checked process object: of the config, or of `rt exec --process`.
type Process struct {
	OCI  *specs.Process // as decoded; for the fields that need no parsing
	Path Path           // the path of the object in its document: "process", or "" for a process.json

	Args         []string
	Env          []string // NAME=VALUE, each name once
	Cwd          string
	Terminal     bool
	ConsoleRows  uint16 // 0: not given
	ConsoleCols  uint16
	UID, GID     uint32
	Groups       []uint32
	Umask        uint32 // 0o022 if not given
	NoNewPrivs   bool
	Capabilities *Capabilities // nil: not given
	Rlimits      []Rlimit
	Warnings     []string // of a process that was checked alone; a config's are in Spec.Warnings
	OOMScoreAdj  *int     // nil: not given
	AppArmor     string
	SELinuxLabel string
}

// Capabilities are the five sets as bit masks: bit n is capability n of capabilities(7).
type Capabilities struct {
	Bounding, Effective, Inheritable, Permitted, Ambient uint64
}

// All returns the capabilities that are in any of the sets.
func (c *Capabilities) All() uint64 {
	return c.Bounding | c.Effective | c.Inheritable | c.Permitted | c.Ambient
}

// Rlimit is one entry of process.rlimits.
type Rlimit struct {
	Type       string // "RLIMIT_NOFILE"
	Resource   int    // unix.RLIMIT_NOFILE
	Soft, Hard uint64
	Index      int // in process.rlimits, for messages
}

// Mount is a checked entry of mounts.
type Mount struct {
	Index       int    // in mounts, for messages
	Destination string // absolute and clean, as the container sees it: "/dev/pts"
	Type        string // file system type; "bind" when Bind
	Source      string // of a bind: absolute (a relative one is taken from the bundle); else as given
	Bind        bool
	Recursive   bool // rbind

	Remount bool // change what is mounted at the destination already, instead of mounting anything

	// MS_* for mount(2) of a new file system: the set options, without MS_BIND, MS_REC and MS_REMOUNT
	Flags     uintptr
	AttrSet   uint64 // MOUNT_ATTR_* to set on the mount (ro nosuid nodev noexec atime words nosymfollow)
	AttrClear uint64 // MOUNT_ATTR_* to clear first; the whole MOUNT_ATTR__ATIME when an atime word was given
	RecSet    uint64 // the same for the whole tree: rro and family (Linux 5.12)
	RecClear  uint64
	// MS_* of the super block, which a bind can't change: sync, dirsync, mand, lazytime, iversion, silent
	SuperFlags uintptr

	Propagation []uintptr // MS_SHARED, MS_SLAVE, MS_PRIVATE, MS_UNBINDABLE, each with MS_REC for the r-word; in order
	Data        string    // what is left of the options, joined by commas: for the file system
	TmpCopyUp   bool

	// Flagged says that an option sets or clears a flag (rw and async included): a bind mount then has exactly the
	// flags of its options, whatever its source has. The atime field alone changes only if an option names it. Without
	// such an option the mount has the flags of its source.
	Flagged bool

	// bind: a source that is a symbolic link is copied to the destination, and nothing is mounted
	CopySymlink    bool
	SourceNoFollow bool // bind: a source that is a symbolic link is mounted itself
	DestNoFollow   bool // bind: a destination that is a symbolic link is covered itself

	IDMap          bool // idmap or ridmap, or mappings are given
	IDMapRecursive bool
	// those of the mount, else the container's; none if the container joins a user namespace and lists none
	UIDMappings []specs.LinuxIDMapping
	GIDMappings []specs.LinuxIDMapping
}

// Field returns the path of a property of the mount in config.json, for messages: "mounts[3].options".
func (m *Mount) Field(property string) string {
	return "mounts[" + strconv.Itoa(m.Index) + "]." + property
}

// Device is a checked entry of linux.devices.
type Device struct {
	Index    int    // in linux.devices, for messages
	Path     string // absolute and clean
	Mode     uint32 // S_IFCHR, S_IFBLK or S_IFIFO with the permission bits (0o666 if not given)
	Major    uint32
	Minor    uint32
	UID, GID uint32
}

// Sysctl is one entry of linux.sysctl.
type Sysctl struct {
	Key   string // as the document spells it: "net.ipv4.ip_forward"
	Path  string // below /proc/sys: "net/ipv4/ip_forward"
	Value string
}
