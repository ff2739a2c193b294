// Package mounttable reads the mounts of a container, and looks up its paths without waiting for a file system that the
// container serves itself.
package mounttable

import (
	"slices"
	"strings"

	"rt/internal/sys"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"
)

// The container runs while its mounts are examined, and may have mounted a file system that one of its processes serves
// (FUSE). A look-up or stat(2) there waits for that process, and not even SIGKILL ends the wait. rt therefore looks up
// paths of the container one name at a time, only in file systems that no process of the container serves.

// Table has the mount table of a process, and that of rt.
type Table struct {
	Mounts []*mountinfo.Info // of the process
	Host   []*mountinfo.Info // of rt
}

// Load reads the mount table of a process, and that of rt.
func Load(pid int) (*Table, error) {
	table, err := Read(pid)
	if err != nil {
		return nil, err
	}
	host, err := Read(unix.Getpid())
	return &Table{table, host}, err
}

// byID returns a mount by its ID, or nil.
func (t *Table) byID(id int) *mountinfo.Info { return Find(t.Mounts, id) }

// Find returns the mount of a table with an ID, or nil.
func Find(table []*mountinfo.Info, id int) *mountinfo.Info {
	i := slices.IndexFunc(table, func(e *mountinfo.Info) bool { return e.ID == id })
	if i < 0 {
		return nil
	}
	return table[i]
}

// kernelOnly are the types of file systems whose calls wait for no process and no other file system.
var kernelOnly = []string{"cgroup", "cgroup2", "devpts", "devtmpfs", "mqueue", "proc", "ramfs", "sysfs", "tmpfs"}

// waitsForNone reports whether look-ups in a mount wait for no process of the container: its file system is one of the
// kernel, or is also mounted on the host. A mount that is not in the table is new, and may be of any type.
func (t *Table) waitsForNone(id int) bool {
	e := t.byID(id)
	return e != nil && (slices.Contains(kernelOnly, e.FSType) || OnHost(t.Host, e))
}

// OnHost reports whether table, that of the host, also has a mount of the file system of e.
func OnHost(table []*mountinfo.Info, e *mountinfo.Info) bool {
	return slices.ContainsFunc(table, func(h *mountinfo.Info) bool { return h.Major == e.Major && h.Minor == e.Minor })
}

// file is a file in the container.
type file struct {
	fd        int
	mount     int // its ID
	mountRoot bool
	mode      uint16 // type and permissions
	rdev      uint64
}

// StatNoSync calls sys.StatNoSync for the ID of the mount (Linux 5.8). The kernel also returns the attributes that it
// has in its caches.
func StatNoSync(dir int, path string, flags int) (unix.Statx_t, error) {
	return sys.StatNoSync(dir, path, flags, unix.STATX_MNT_ID)
}

// newFile returns the file that the descriptor fd refers to.
func newFile(fd int) (file, error) {
	st, err := StatNoSync(fd, "", unix.AT_EMPTY_PATH)
	return file{
		fd: fd, mount: int(st.Mnt_id), mountRoot: st.Attributes&unix.STATX_ATTR_MOUNT_ROOT != 0,
		mode: st.Mode, rdev: unix.Mkdev(st.Rdev_major, st.Rdev_minor),
	}, err
}

// Found is the file at a path of the container.
type Found struct {
	*mountinfo.Info      // the mount that the file is in
	Root            bool // the file is the root of the mount
	Device          bool // the file is a character or block device
	Known           bool // Mode and Rdev are known; not in a file system that may never answer
	Mode            uint16
	Rdev            uint64
}

// Lookup looks up a path below the directory root of the container, and follows symbolic links as in the container. It
// returns nil if that is not possible. Below a mount whose look-ups may wait for a process of the container, it only
// compares the path with the mount table.
func (t *Table) Lookup(root int, path string) (*Found, error) {
	w := &walk{todo: strings.Split(path, "/")}
	defer w.leave(0)
	if err := w.enter(root, ".", unix.O_DIRECTORY); err != nil {
		return nil, err
	}
	const maxSteps = 4096
	for range maxSteps {
		if len(w.todo) == 0 {
			return t.describe(w.last()), nil
		}
		name := w.todo[0]
		if name != "" && name != "." && name != ".." && !t.waitsForNone(w.last().mount) {
			return t.lookupByTable(w.path()), nil
		}
		w.todo = w.todo[1:]
		switch name {
		case "", ".":
			continue
		case "..":
			w.leave(max(1, len(w.way)-1))
			continue
		}
		if err := w.enter(w.last().fd, name, unix.O_NOFOLLOW); err != nil {
			return nil, err
		}
		if w.last().mode&unix.S_IFMT != unix.S_IFLNK {
			continue
		}
		if !t.waitsForNone(w.last().mount) {
			return nil, nil
		}
		if err := w.followLink(); err != nil {
			return nil, err
		}
	}
	return nil, unix.ELOOP
}

// walk is the state of a look-up.
type walk struct {
	way   []file   // from the root of the container to the last file, all open
	names []string // of the files of way, without the root
	todo  []string // the names that are left of the path
}

// last returns the file that the walk has reached.
func (w *walk) last() *file { return &w.way[len(w.way)-1] }

// path returns the path of the last file and the names that are left.
func (w *walk) path() string { return "/" + strings.Join(slices.Concat(w.names, w.todo), "/") }

// enter opens the file called name in dir, and adds it to the way.
func (w *walk) enter(dir int, name string, flags int) error {
	fd, err := unix.Openat(dir, name, unix.O_PATH|unix.O_CLOEXEC|flags, 0)
	if err != nil {
		return err
	}
	if len(w.way) > 0 {
		w.names = append(w.names, name)
	}
	next, err := newFile(fd)
	w.way = append(w.way, next)
	return err
}

// leave closes all files of the way but the first n.
func (w *walk) leave(n int) {
	for _, f := range w.way[min(n, len(w.way)):] {
		_ = unix.Close(f.fd)
	}
	w.way, w.names = w.way[:min(n, len(w.way))], w.names[:min(max(0, n-1), len(w.names))]
}

// followLink replaces the last file, a symbolic link, by the names in its text.
func (w *walk) followLink() error {
	var text [unix.PathMax]byte
	n, err := unix.Readlinkat(w.last().fd, "", text[:])
	if err != nil {
		return err
	}
	if text[0] == '/' {
		w.leave(1)
	} else {
		w.leave(len(w.way) - 1)
	}
	w.todo = append(strings.Split(string(text[:max(n, 0)]), "/"), w.todo...)
	return nil
}

// describe returns what is known of a file, or nil if its mount is not in the table.
func (t *Table) describe(f *file) *Found {
	e := t.byID(f.mount)
	if e == nil {
		return nil
	}
	kind := f.mode & unix.S_IFMT
	device := kind == unix.S_IFCHR || kind == unix.S_IFBLK
	return &Found{e, f.mountRoot, device, true, f.mode, f.rdev}
}

// lookupByTable returns the topmost mount at a mount point, without a system call.
func (t *Table) lookupByTable(path string) *Found {
	for _, e := range slices.Backward(t.Mounts) {
		if e.Mountpoint == path {
			// A masked directory is covered by the root of a tmpfs.
			return &Found{Info: e, Root: true, Device: e.Root != "/"}
		}
	}
	return nil
}
