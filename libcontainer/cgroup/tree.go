package cgroup

import (
	"encoding/binary"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// A container whose cgroup is mounted writable makes what it likes below it: cgroups nested deeper than PATH_MAX,
// thousands of them, and some that are made and removed while rt looks. So rt walks the descendants by descriptors, one
// level down or up at a time, and holds two of them whatever the depth.

// relists is how often walk finds new names, in all: a container that renames cgroups must not keep it forever.
const relists = 1000

// walk visits the cgroup dir and its descendants. visit is called for each, dir first, with a descriptor of it; leave
// for each descendant, after its own, with a descriptor of its parent. Either may be nil. A descendant that is removed
// meanwhile is no error. One that is renamed meanwhile, as cgroup v1 allows, is known by its inode: a directory with
// descendants is listed again until the list has no new ones.
func walk(dir string, visit func(fd int) error, leave func(above int, name string)) error {
	fd, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	w := &walker{fd: fd, visit: visit, left: relists}
	defer func() { _ = unix.Close(w.fd) }()
	ino, err := w.inode()
	if err != nil {
		return err
	}
	if err := w.enter("", ino); err != nil {
		return err
	}
	for {
		if err := w.relist(); err != nil {
			return err
		}
		l := &w.levels[len(w.levels)-1]
		if n := len(l.below); n > 0 {
			name := l.below[n-1].name
			l.below = l.below[:n-1]
			if err := w.descend(name); err != nil {
				return err
			}
			continue
		}
		if len(w.levels) == 1 {
			return nil
		}
		if err := w.ascend(); err != nil {
			return err
		}
		if leave != nil {
			leave(w.fd, l.name)
		}
	}
}

// walker is a walk that has reached the directory fd.
type walker struct {
	fd     int
	visit  func(fd int) error
	levels []level // from the first directory to fd
	left   int     // of relists
}

// level is a directory on the way of a walker.
type level struct {
	ino     uint64
	name    string
	below   []child         // still to be visited
	visited map[uint64]bool // inodes; nil if the directory has no descendants
}

// inode returns the inode of the directory.
func (w *walker) inode() (uint64, error) {
	var st unix.Stat_t
	err := unix.Fstat(w.fd, &st)
	return st.Ino, err
}

// open replaces the directory by the one called name in it.
func (w *walker) open(name string) error {
	next, err := unix.Openat(w.fd, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err == nil {
		_ = unix.Close(w.fd)
		w.fd = next
	}
	return err
}

// enter visits the directory, which was just opened, and lists it.
func (w *walker) enter(name string, ino uint64) error {
	first := len(w.levels) == 0
	if w.visit != nil {
		if err := w.visit(w.fd); err != nil && (first || !isGone(err)) {
			return err
		}
	}
	below, err := subdirectories(w.fd)
	if err != nil && (first || !isGone(err)) {
		return err
	}
	l := level{ino: ino, name: name, below: below}
	if len(below) > 0 {
		l.visited = make(map[uint64]bool, len(below))
	}
	w.levels = append(w.levels, l)
	return nil
}

// relist lists the directory again if all that was listed has been visited.
func (w *walker) relist() error {
	l := &w.levels[len(w.levels)-1]
	if len(l.below) > 0 || l.visited == nil || w.left == 0 {
		return nil
	}
	again, err := subdirectories(w.fd)
	if err != nil && !isGone(err) {
		return err
	}
	l.below = slices.DeleteFunc(again, func(c child) bool { return l.visited[c.ino] })
	if len(l.below) > 0 {
		w.left--
	}
	return nil
}

// descend enters the directory called name, unless it was removed or visited.
func (w *walker) descend(name string) error {
	if err := w.open(name); err != nil {
		if isGone(err) {
			return nil
		}
		return err
	}
	ino, err := w.inode()
	if err != nil {
		return err
	}
	l := &w.levels[len(w.levels)-1]
	if l.visited[ino] { // it has taken the name of another one
		return w.open("..")
	}
	l.visited[ino] = true
	return w.enter(name, ino)
}

// ascend returns to the parent directory. A cgroup can't be moved to another parent, so it must be the one of the level
// above; the inode is compared all the same.
func (w *walker) ascend() error {
	w.levels = w.levels[:len(w.levels)-1]
	if err := w.open(".."); err != nil {
		return err
	}
	ino, err := w.inode()
	if err == nil && ino != w.levels[len(w.levels)-1].ino {
		err = unix.ESTALE
	}
	return err
}

// isGone reports whether a cgroup has been removed.
func isGone(err error) bool { return err == unix.ENOENT || err == unix.ENODEV }

// child is a cgroup in its parent.
type child struct {
	name string
	ino  uint64
}

// subdirectories lists the children of the cgroup that fd refers to.
func subdirectories(fd int) ([]child, error) {
	const headSize = 19 // of a linux_dirent64 before the name (getdents(2)): inode, offset, length, type
	var children []child
	buf := make([]byte, 8192)
	if _, err := unix.Seek(fd, 0, unix.SEEK_SET); err != nil {
		return nil, err
	}
	for {
		n, err := unix.ReadDirent(fd, buf)
		if err == unix.EINTR {
			continue
		}
		if err != nil || n <= 0 {
			return children, err
		}
		for rest := buf[:n]; len(rest) > headSize; {
			size := int(binary.NativeEndian.Uint16(rest[16:]))
			if size <= headSize || size > len(rest) {
				return children, unix.EINVAL
			}
			name, _, _ := strings.Cut(string(rest[headSize:size]), "\x00")
			if rest[18] == unix.DT_DIR && name != "." && name != ".." {
				children = append(children, child{name, binary.NativeEndian.Uint64(rest)})
			}
			rest = rest[size:]
		}
	}
}

// patience is how long a busy cgroup is waited for. Processes that were killed need a processor to end: dozens of them
// on a busy host took longer than a second. A cgroup whose processes have outlived one wait gets no second one in
// another hierarchy.
const patience = 10 * time.Second

// longestPause is the longest pause between two attempts to remove a busy cgroup.
const longestPause = 100 * time.Millisecond

// removeTree removes the cgroup dir and its descendants. If processes are left, it waits for them to end, then fails. A
// cgroup that does not exist is success.
func removeTree(dir string, patience time.Duration) error {
	return retryWhileBusy(func() error {
		err := unix.Rmdir(dir)
		if err != unix.EBUSY {
			return err
		}
		if err := removeBelow(dir); err != nil {
			return err
		}
		return unix.Rmdir(dir)
	}, dir, patience)
}

// emptyTree removes the descendants of the cgroup dir, likewise.
func emptyTree(dir string) error {
	return retryWhileBusy(func() error { return removeBelow(dir) }, dir, patience)
}

// removeBelow removes the descendants of the cgroup dir. A busy one is EBUSY.
func removeBelow(dir string) error {
	var failed error
	err := walk(dir, nil, func(above int, name string) {
		if err := unix.Unlinkat(above, name, unix.AT_REMOVEDIR); err != nil && !isGone(err) {
			failed = err
		}
	})
	if err != nil {
		return err
	}
	return failed
}

// retryWhileBusy repeats do while the cgroup dir is busy.
func retryWhileBusy(do func() error, dir string, patience time.Duration) error {
	end := time.Now().Add(patience)
	for pause := time.Millisecond; ; pause = min(2*pause, longestPause) {
		err := do()
		switch {
		case err == nil, isGone(err):
			return nil
		case err == unix.EROFS && unix.Access(dir, unix.F_OK) == unix.ENOENT:
			return nil // a read-only cgroupfs answers EROFS even for a missing directory
		case err != unix.EBUSY || !time.Now().Before(end):
			return err
		}
		time.Sleep(pause)
	}
}

// processesAt lists the processes in the cgroup dir and its descendants.
//
// A threaded cgroup (cgroup-v2.rst, "Threads") does not list processes: its nearest ancestor that is not threaded does.
// Only if dir itself is threaded are its threads listed instead.
func processesAt(dir string) ([]int, error) {
	var pids []int
	first := true
	err := walk(dir, func(fd int) error {
		own, err := numbersIn(fd, "cgroup.procs")
		if err == unix.EOPNOTSUPP {
			if err = nil; first {
				own, err = processesOfThreads(fd)
			}
		}
		first = false
		pids = append(pids, own...)
		return err
	}, nil)
	return pids, err
}

// processesOfThreads lists the processes that have threads in a threaded cgroup.
func processesOfThreads(fd int) ([]int, error) {
	threads, err := numbersIn(fd, "cgroup.threads")
	var pids []int
	seen := make(map[int]bool)
	for _, thread := range threads {
		pid := thread
		if text, err := readFile("/proc/"+strconv.Itoa(thread), "status"); err == nil {
			_, rest, _ := strings.Cut(text, "\nTgid:\t")
			line, _, _ := strings.Cut(rest, "\n")
			if n, err := strconv.Atoi(line); err == nil {
				pid = n
			}
		}
		if !seen[pid] {
			seen[pid] = true
			pids = append(pids, pid)
		}
	}
	return pids, err
}

// numbersIn reads a file of the cgroup that fd refers to, with a number in each line.
func numbersIn(fd int, file string) ([]int, error) {
	f, err := unix.Openat(fd, file, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	defer unix.Close(f) //nolint:errcheck // it was only read
	text, err := readAll(f)
	if err != nil {
		return nil, err
	}
	var list []int
	for line := range strings.Lines(text) {
		n, err := strconv.Atoi(strings.TrimSuffix(line, "\n"))
		if err != nil {
			return nil, err
		}
		list = append(list, n)
	}
	return list, nil
}

// thawTree thaws a v1 freezer cgroup and its descendants, each of which may have been frozen by itself. The kernel has
// no call for that.
func thawTree(dir string) error {
	return walk(dir, func(fd int) error {
		f, err := unix.Openat(fd, "freezer.state", unix.O_WRONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			return err
		}
		_, err = unix.Write(f, []byte("THAWED"))
		_ = unix.Close(f)
		return err
	}, nil)
}
