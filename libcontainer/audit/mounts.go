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

// mounts compares the mount table of the container with the config.
type mounts struct {
	*report
	*mounttable.Table
	root    int             // the container's root directory
	points  map[string]bool // the mount points that the config explains
	trees   []string        // mount points below which the config may have more mounts
	private bool            // new mounts are in no peer group unless the config asks for it
}

// newMounts opens the container's root directory. The caller closes the mounts.
func newMounts(r *report, table *mounttable.Table) (*mounts, error) {
	root, err := unix.Open("/proc/"+strconv.Itoa(r.Pid)+"/root", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, readError("the root directory", "open", err)
	}
	return &mounts{
		report: r, Table: table, root: root, points: map[string]bool{"/": true},
		private: r.Spec.RootPropagation&unix.MS_SHARED == 0,
	}, nil
}

func (m *mounts) close() { _ = unix.Close(m.root) }

// compareAll compares the mounts, masked paths and devices of the config, and looks for other mounts.
func (m *mounts) compareAll() {
	m.compareRoot()
	for i := range m.Spec.Mounts {
		m.compareMount(i)
	}
	m.compareMaskedPaths()
	m.compareReadonlyPaths()
	m.compareDevices()
	if m.Spec.Namespaces.Joined(unix.CLONE_NEWNS) == nil { // a joined namespace may have mounts of other programs
		m.findOtherMounts()
	}
}

// compareRoot compares the mount of the root file system.
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
	finding := lackingAttrs(want, e)
	if finding == "" && !m.Spec.RootReadonly && lackingAttrs(unix.MOUNT_ATTR_RDONLY, e) == "" &&
		!m.Spec.Namespaces.Has(unix.CLONE_NEWUSER) {
		finding = "is read-only"
	}
	if finding == "" && m.private && e.Mountpoint == "/" && strings.Contains(e.Optional, "shared:") {
		finding = "is shared: its mounts appear elsewhere, too"
	}
	m.add("mounts", "/", "root.readonly", describeMount(e), attrWords(want), finding)
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
		m.add("mounts", s.Destination, field, "", s.Type, "is not mounted")
		return
	}
	want := m.Spec.FinalAttrs(i) & allSecurityAttrs
	finding := lackingAttrs(want, at.Info)
	switch {
	case finding != "":
	case !m.isType(s, at.FSType):
		finding = "is of another type"
	case s.Bind && m.showsOther(s, at.Info):
		finding = "shows something else than " + s.Source
	default:
		finding = m.comparePropagation(s, at.Info)
	}
	if finding == "" && (!s.Bind || s.Flagged) && !m.Spec.Namespaces.Has(unix.CLONE_NEWUSER) {
		if more := attributesOf(at.Info) &^ want; more != 0 {
			finding = "is " + attrWords(more) + ", which the config does not ask for"
		}
	}
	expected := strings.TrimSpace(s.Type + " " + attrWords(want))
	m.add("mounts", s.Destination, field, describeMount(at.Info), expected, finding)
}

// securityAttrs are the attributes that are compared: those that restrict the container.
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

// allSecurityAttrs are those of securityAttrs.
const allSecurityAttrs = unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV |
	unix.MOUNT_ATTR_NOEXEC | unix.MOUNT_ATTR_NOSYMFOLLOW

// attributesOf returns the attributes of a mount of the table. They do not tell whether its file system is read-only.
func attributesOf(e *mountinfo.Info) (attrs uint64) {
	options := strings.Split(e.Options, ",")
	for _, a := range securityAttrs {
		if slices.Contains(options, a.word) {
			attrs |= a.attr
		}
	}
	return attrs
}

// lackingAttrs returns the finding that a mount lacks some of the attributes; "" if it has all.
func lackingAttrs(want uint64, e *mountinfo.Info) string {
	missing := want &^ attributesOf(e)
	if slices.Contains(strings.Split(e.VFSOptions, ","), "ro") {
		missing &^= unix.MOUNT_ATTR_RDONLY
	}
	if missing == 0 {
		return ""
	}
	return "is not " + attrWords(missing)
}

// attrWords returns the mount options of attributes: "ro,nosuid".
func attrWords(attrs uint64) string {
	var list []string
	for _, a := range securityAttrs {
		if attrs&a.attr != 0 {
			list = append(list, a.word)
		}
	}
	return strings.Join(list, ",")
}

// describeMount formats a mount: its type, options and peer groups, its root in the file system, and the source.
func describeMount(e *mountinfo.Info) string {
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

// showsOther reports whether a bind mount shows another file than its source on the host. It returns false if that is
// unknown, for example because the source was removed.
func (m *mounts) showsOther(s *spec.Mount, e *mountinfo.Info) bool {
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

// comparePropagation returns the finding about the propagation of a mount. A slave that has lost its peer group is
// private.
func (m *mounts) comparePropagation(s *spec.Mount, e *mountinfo.Info) string {
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

// compareMaskedPaths compares linux.maskedPaths. A path that does not exist needs no mask.
func (m *mounts) compareMaskedPaths() {
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
			lackingAttrs(unix.MOUNT_ATTR_RDONLY, at.Info) == "":
		default:
			finding = "is covered by something else than an empty directory or /dev/null"
		}
		m.add("masked paths", p, "linux.maskedPaths["+strconv.Itoa(i)+"]", describeMount(at.Info), "", finding)
	}
}

// compareReadonlyPaths compares linux.readonlyPaths.
func (m *mounts) compareReadonlyPaths() {
	for i, p := range m.Spec.ReadonlyPaths {
		at, err := m.Lookup(m.root, p)
		if err != nil || at == nil {
			continue
		}
		m.points[at.Mountpoint] = true
		m.trees = append(m.trees, at.Mountpoint)
		finding := ""
		if lackingAttrs(unix.MOUNT_ATTR_RDONLY, at.Info) != "" {
			finding = "is not read-only"
		}
		m.add("read-only paths", p, "linux.readonlyPaths["+strconv.Itoa(i)+"]", describeMount(at.Info), "ro", finding)
	}
}

// compareDevices compares the nodes of linux.devices, and the default ones.
func (m *mounts) compareDevices() {
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
			continue // it has the devices of the source
		}
		want, now, finding := describeNode(d.Mode, unix.Mkdev(d.Major, d.Minor)), "", ""
		switch {
		case err != nil:
			finding = "is absent"
		case at == nil || !at.Known:
			finding = "is in a file system that may not answer"
		default:
			if now = describeNode(uint32(at.Mode), at.Rdev); now != want {
				finding = "is another file"
			}
		}
		m.add("devices", d.Path, field, now, want, finding)
	}
}

// describeNode describes a file of /dev: "character device 1:3".
func describeNode(mode uint32, rdev uint64) string {
	number := " " + strconv.Itoa(int(unix.Major(rdev))) + ":" + strconv.Itoa(int(unix.Minor(rdev)))
	switch mode & unix.S_IFMT {
	case unix.S_IFCHR:
		return "character device" + number
	case unix.S_IFBLK:
		return "block device" + number
	}
	return "no device"
}

// findOtherMounts adds the mounts that neither the config explains nor rt has added.
func (m *mounts) findOtherMounts() {
	m.points["/dev/console"] = true
	m.points[plan.NotifyDir] = true
	for _, p := range m.Added {
		if at, err := m.Lookup(m.root, p); err == nil && at != nil && at.Root {
			m.points[at.Mountpoint] = true
			m.add("mounts", p, "", describeMount(at.Info), "added by rt mount", "")
		}
	}
	for _, e := range m.Mounts {
		if m.points[e.Mountpoint] || m.isInTree(e) || m.isOfRootfs(e) {
			continue
		}
		m.add("mounts", e.Mountpoint, "mounts", describeMount(e), "", "is a mount that the config does not have")
	}
}

// isInTree reports whether a mount belongs to a recursive bind mount, or to the hierarchies of cgroup v1.
func (m *mounts) isInTree(e *mountinfo.Info) bool {
	return slices.ContainsFunc(m.trees, func(tree string) bool {
		return sys.IsBelow(e.Mountpoint, tree) && (mounttable.OnHost(m.Host, e) || e.FSType == "cgroup" ||
			e.FSType == "cgroup2")
	})
}

// isOfRootfs reports whether a mount is a copy of one that the host has below root.path.
func (m *mounts) isOfRootfs(e *mountinfo.Info) bool {
	return slices.ContainsFunc(m.Host, func(h *mountinfo.Info) bool {
		return h.Mountpoint == path.Join(m.Spec.Rootfs, e.Mountpoint) && h.Major == e.Major && h.Minor == e.Minor
	})
}
