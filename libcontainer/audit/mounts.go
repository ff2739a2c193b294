package audit

import (
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"

	"rt/internal/sys"
	"rt/libcontainer/mounttable"
	"rt/libcontainer/plan"
	"rt/spec"
)

// mounts compares the mount table.
type mounts struct {
	*report
	*mounttable.Table
	root    int // the container's root directory
	points  map[string]bool
	trees   []string // mount points below which the config may have more mounts
	private bool     // new mounts are in no peer group unless the config asks for it
}

func newMounts(r *report, table *mounttable.Table) (*mounts, error) {
	root, err := unix.Open("/proc/"+strconv.Itoa(r.Pid)+"/root", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, unreadable("the root directory", "open", err)
	}
	return &mounts{
		report: r, Table: table, root: root, points: map[string]bool{"/": true},
		private: r.Spec.RootPropagation&unix.MS_SHARED == 0,
	}, nil
}

func (m *mounts) close() { _ = unix.Close(m.root) }

func (m *mounts) compare() {
	m.compareRoot()
	for i := range m.Spec.Mounts {
		m.compareMount(i)
	}
	m.masks()
	m.readonlyPaths()
	m.devices()
	if m.Spec.Namespaces.Joined(unix.CLONE_NEWNS) == nil { // else the other mounts are somebody else's
		m.others()
	}
}

func (m *mounts) compareRoot() {
	st, err := mounttable.StatNoSync(m.root, "", unix.AT_EMPTY_PATH)
	e := mounttable.Find(m.Mounts, int(st.Mnt_id))
	if err != nil || e == nil {
		return
	}
	var want uint64
	if m.Spec.RootReadonly {
		want = unix.MOUNT_ATTR_RDONLY
	}
	finding := lacking(want, e)
	if finding == "" && !m.Spec.RootReadonly && lacking(unix.MOUNT_ATTR_RDONLY, e) == "" &&
		!m.Spec.Namespaces.Has(unix.CLONE_NEWUSER) {
		finding = "is read-only"
	}
	if finding == "" && m.private && e.Mountpoint == "/" && strings.Contains(e.Optional, "shared:") {
		finding = "is shared: its mounts appear elsewhere, too"
	}
	m.differs("mounts", "/", "root.readonly", describe(e), words(want), finding)
}

// compareMount compares one entry of mounts, unless a later one covers it.
func (m *mounts) compareMount(i int) {
	s := &m.Spec.Mounts[i]
	if s.Remount || s.CopySymlink {
		return
	}
	at, err := m.Lookup(m.root, s.Destination)
	if at != nil {
		m.points[at.Mountpoint] = true
		if s.Recursive || s.Type == "cgroup" {
			m.trees = append(m.trees, at.Mountpoint)
		}
	}
	for j := i + 1; j < len(m.Spec.Mounts); j++ {
		if later := &m.Spec.Mounts[j]; !later.Remount && sys.IsBelow(s.Destination, later.Destination) {
			return
		}
	}
	field := "mounts[" + strconv.Itoa(i) + "]"
	switch {
	case err != nil || at == nil || !at.Root:
		if s.Type == "cgroup" && !m.Group.Available() {
			return // rt leaves it out
		}
		m.differs("mounts", s.Destination, field, "", s.Type, "is not mounted")
		return
	}
	want := m.attributes(i)
	finding := lacking(want, at.Info)
	switch {
	case finding != "":
	case !m.isType(s, at.FSType):
		finding = "is of another type"
	case s.Bind && m.fromElsewhere(s, at.Info):
		finding = "shows something else than " + s.Source
	default:
		finding = m.propagation(s, at.Info)
	}
	if finding == "" && (!s.Bind || s.Flagged) && !m.Spec.Namespaces.Has(unix.CLONE_NEWUSER) {
		if more := attributesOf(at.Info) &^ want; more != 0 {
			finding = "is " + words(more) + ", which the config does not ask for"
		}
	}
	m.differs("mounts", s.Destination, field, describe(at.Info), strings.TrimSpace(s.Type+" "+words(want)), finding)
}

// securityAttrs are the attributes that are compared: those that take something away from the container.
var securityAttrs = []struct {
	attr uint64
	word string
}{
	{unix.MOUNT_ATTR_RDONLY, "ro"},
	{unix.MOUNT_ATTR_NOSUID, "nosuid"},
	{unix.MOUNT_ATTR_NODEV, "nodev"},
	{unix.MOUNT_ATTR_NOEXEC, "noexec"},
	{unix.MOUNT_ATTR_NOSYMFOLLOW, "nosymfollow"},
}

// attributes returns the attributes of mount i, as later remounts of its destination change them.
func (m *mounts) attributes(i int) uint64 {
	s := &m.Spec.Mounts[i]
	attrs := s.AttrSet | s.RecSet
	for j := i + 1; j < len(m.Spec.Mounts); j++ {
		if r := &m.Spec.Mounts[j]; r.Remount && r.Destination == s.Destination {
			attrs = attrs&^r.AttrClear | r.AttrSet | r.RecSet
		}
	}
	return attrs & allSecurityAttrs
}

const allSecurityAttrs = unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV |
	unix.MOUNT_ATTR_NOEXEC | unix.MOUNT_ATTR_NOSYMFOLLOW

// attributesOf returns the attributes of a mount of the table. The file system itself may be read-only as well.
func attributesOf(e *mountinfo.Info) (attrs uint64) {
	options := strings.Split(e.Options, ",")
	for _, a := range securityAttrs {
		if slices.Contains(options, a.word) {
			attrs |= a.attr
		}
	}
	return attrs
}

// lacking says which of the attributes a mount has not; "" if it has all.
func lacking(want uint64, e *mountinfo.Info) string {
	missing := want &^ attributesOf(e)
	if slices.Contains(strings.Split(e.VFSOptions, ","), "ro") {
		missing &^= unix.MOUNT_ATTR_RDONLY
	}
	if missing == 0 {
		return ""
	}
	return "is not " + words(missing)
}

func words(attrs uint64) string {
	var list []string
	for _, a := range securityAttrs {
		if attrs&a.attr != 0 {
			list = append(list, a.word)
		}
	}
	return strings.Join(list, ",")
}

// describe formats a mount: type, options, peer groups, and what of which file system it shows.
func describe(e *mountinfo.Info) string {
	text := e.FSType + " " + e.Options
	if e.Optional != "" {
		text += " " + e.Optional
	}
	return text + " from " + e.Root + " of " + e.Source
}

// isType reports whether a mount is of the file system type of an entry.
func (m *mounts) isType(s *spec.Mount, kind string) bool {
	switch {
	case s.Bind:
		return true
	case s.Type == "cgroup" || s.Type == "cgroup2":
		return kind == "cgroup2" || kind == "cgroup" || kind == "tmpfs" || kind == "sysfs"
	}
	return kind == s.Type || strings.HasPrefix(kind, s.Type+".")
}

// fromElsewhere reports whether a bind mount does not show what the host has at its source. Where that can't be told,
// for example because the source is gone, it does not.
func (m *mounts) fromElsewhere(s *spec.Mount, e *mountinfo.Info) bool {
	flags := unix.O_PATH | unix.O_CLOEXEC
	if s.SourceNoFollow {
		flags |= unix.O_NOFOLLOW
	}
	fd, err := unix.Open(s.Source, flags, 0)
	if err != nil {
		return false
	}
	defer func() { _ = unix.Close(fd) }()
	var name [unix.PathMax]byte
	n, err := unix.Readlink("/proc/self/fd/"+strconv.Itoa(fd), name[:])
	st, err2 := mounttable.StatNoSync(fd, "", unix.AT_EMPTY_PATH)
	host := mounttable.Find(m.Host, int(st.Mnt_id))
	if err != nil || err2 != nil || host == nil {
		return false
	}
	rest, ok := sys.Below(string(name[:n]), host.Mountpoint)
	if !ok {
		return false
	}
	return e.Major != host.Major || e.Minor != host.Minor ||
		strings.TrimSuffix(e.Root, "//deleted") != path.Join(host.Root, rest)
}

// propagation compares the propagation of a mount. A slave of no peer group is private.
func (m *mounts) propagation(s *spec.Mount, e *mountinfo.Info) string {
	shared := strings.Contains(e.Optional, "shared:")
	if len(s.Propagation) == 0 {
		if shared && m.private {
			return "is shared: its mounts appear elsewhere, too"
		}
		return ""
	}
	switch want := s.Propagation[len(s.Propagation)-1]; {
	case want&unix.MS_SHARED != 0 && !shared:
		return "is not shared"
	case want&unix.MS_SHARED == 0 && shared:
		return "is shared: its mounts appear elsewhere, too"
	case want&unix.MS_PRIVATE != 0 && strings.Contains(e.Optional, "master:"):
		return "is a slave: mounts of the host appear in it"
	case want&unix.MS_UNBINDABLE != 0 && !strings.Contains(e.Optional, "unbindable"):
		return "is not unbindable"
	}
	return ""
}

// masks compares linux.maskedPaths. A path that is not there is hidden well enough.
func (m *mounts) masks() {
	for i, p := range m.Spec.MaskedPaths {
		at, err := m.Lookup(m.root, p)
		if err != nil || at == nil {
			continue
		}
		m.points[at.Mountpoint] = true
		finding := ""
		switch {
		case !at.Root:
			finding = "is not masked"
		case at.Known && at.Mode&unix.S_IFMT == unix.S_IFCHR && at.Rdev == unix.Mkdev(1, 3):
		case at.Known && at.Mode&unix.S_IFMT == unix.S_IFDIR && at.FSType == "tmpfs" &&
			lacking(unix.MOUNT_ATTR_RDONLY, at.Info) == "":
		default:
			finding = "is covered by something else than an empty directory or /dev/null"
		}
		m.differs("masked paths", p, "linux.maskedPaths["+strconv.Itoa(i)+"]", describe(at.Info), "", finding)
	}
}

func (m *mounts) readonlyPaths() {
	for i, p := range m.Spec.ReadonlyPaths {
		at, err := m.Lookup(m.root, p)
		if err != nil || at == nil {
			continue
		}
		m.points[at.Mountpoint] = true
		m.trees = append(m.trees, at.Mountpoint)
		finding := ""
		if lacking(unix.MOUNT_ATTR_RDONLY, at.Info) != "" {
			finding = "is not read-only"
		}
		m.differs("read-only paths", p, "linux.readonlyPaths["+strconv.Itoa(i)+"]", describe(at.Info), "ro", finding)
	}
}

// devices compares the nodes of linux.devices, and the default ones.
func (m *mounts) devices() {
	bound := slices.ContainsFunc(m.Spec.Mounts, func(s spec.Mount) bool { return s.Bind && s.Destination == "/dev" })
	for _, d := range plan.BoundDevices(m.Spec) {
		field := ""
		if d.Index >= 0 {
			field = "linux.devices[" + strconv.Itoa(d.Index) + "]"
		}
		at, err := m.Lookup(m.root, d.Path)
		if at != nil && at.Root {
			m.points[at.Mountpoint] = true
		}
		if bound {
			continue // what is in it is up to the user
		}
		want, now, finding := node(d.Mode, unix.Mkdev(d.Major, d.Minor)), "", ""
		switch {
		case err != nil:
			finding = "is not there"
		case at == nil || !at.Known:
			finding = "is in a file system that may not answer"
		default:
			if now = node(uint32(at.Mode), at.Rdev); now != want {
				finding = "is another file"
			}
		}
		m.differs("devices", d.Path, field, now, want, finding)
	}
}

// node describes a file of /dev: "character device 1:3".
func node(mode uint32, rdev uint64) string {
	number := " " + strconv.Itoa(int(unix.Major(rdev))) + ":" + strconv.Itoa(int(unix.Minor(rdev)))
	switch mode & unix.S_IFMT {
	case unix.S_IFCHR:
		return "character device" + number
	case unix.S_IFBLK:
		return "block device" + number
	}
	return "no device"
}

// others looks for mounts that neither the config nor rt has made.
func (m *mounts) others() {
	m.points["/dev/console"] = true
	m.points[plan.NotifyDir] = true
	for _, p := range m.Added {
		if at, err := m.Lookup(m.root, p); err == nil && at != nil && at.Root {
			m.points[at.Mountpoint] = true
			m.add("mounts", p, "", describe(at.Info), "added by rt mount")
		}
	}
	for _, e := range m.Mounts {
		if m.points[e.Mountpoint] || m.inTree(e) || m.ofRoot(e) {
			continue
		}
		m.differs("mounts", e.Mountpoint, "mounts", describe(e), "", "is a mount that the config does not have")
	}
}

// inTree reports whether a mount belongs to a recursive bind mount, or to the hierarchies of cgroup v1.
func (m *mounts) inTree(e *mountinfo.Info) bool {
	return slices.ContainsFunc(m.trees, func(tree string) bool {
		return sys.IsBelow(e.Mountpoint, tree) && (mounttable.OnHost(m.Host, e) || e.FSType == "cgroup" ||
			e.FSType == "cgroup2")
	})
}

// ofRoot reports whether a mount belongs to what the host has mounted below root.path.
func (m *mounts) ofRoot(e *mountinfo.Info) bool {
	return slices.ContainsFunc(m.Host, func(h *mountinfo.Info) bool {
		return h.Mountpoint == path.Join(m.Spec.Rootfs, e.Mountpoint) && h.Major == e.Major && h.Minor == e.Minor
	})
}
