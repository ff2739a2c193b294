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
	fd, err := unix.Openat(root, ".", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	way := []file{}
	defer func() {
		for _, f := range way {
			_ = unix.Close(f.fd)
		}
	}()
	top, err := newFile(fd)
	way = append(way, top)
	if err != nil {
		return nil, err
	}
	var at []string // the path of the last file of way, without links
	todo := strings.Split(path, "/")
	const maxSteps = 4096
	for range maxSteps {
		if len(todo) == 0 {
			last := way[len(way)-1]
			e := t.byID(last.mount)
			if e == nil {
				return nil, nil
			}
			kind := last.mode & unix.S_IFMT
			device := kind == unix.S_IFCHR || kind == unix.S_IFBLK
			return &Found{e, last.mountRoot, device, true, last.mode, last.rdev}, nil
		}
		name := todo[0]
		dir := way[len(way)-1]
		switch {
		case name == "" || name == ".":
			todo = todo[1:]
			continue
		case name == "..":
			todo = todo[1:]
			if len(at) > 0 {
				_ = unix.Close(dir.fd)
				way, at = way[:len(way)-1], at[:len(at)-1]
			}
			continue
		case !t.waitsForNone(dir.mount):
			return t.lookupByTable("/" + strings.Join(append(at, todo...), "/")), nil
		}
		todo = todo[1:]
		fd, err := unix.Openat(dir.fd, name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		if err != nil {
			return nil, err
		}
		next, err := newFile(fd)
		way, at = append(way, next), append(at, name)
		if err != nil {
			return nil, err
		}
		if next.mode&unix.S_IFMT != unix.S_IFLNK {
			continue
		}
		if !t.waitsForNone(next.mount) {
			return nil, nil
		}
		var text [unix.PathMax]byte
		n, err := unix.Readlinkat(fd, "", text[:])
		if err != nil {
			return nil, err
		}
		keep := len(at) - 1
		if text[0] == '/' {
			keep = 0
		}
		for _, f := range way[keep+1:] {
			_ = unix.Close(f.fd)
		}
		way, at = way[:keep+1], at[:keep]
		todo = append(strings.Split(string(text[:max(n, 0)]), "/"), todo...)
	}
	return nil, unix.ELOOP
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
