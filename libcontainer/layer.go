package libcontainer

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/internal/sys"
	"rt/internal/undo"
	"rt/libcontainer/plan"
	"rt/libcontainer/state"
)

// usedBy is the file in the directory of --overlay that names the container which has it: id, pid and start time. It is
// there for other containers, whatever their --root; one whose process is gone stands in nobody's way.
const usedBy = "used-by"

// keptLayer is the directory of --overlay.
type keptLayer struct {
	path string
	fd   int        // with a lock, as long as this rt works for the container
	undo undo.Stack // what this rt made there, until a container has it
}

// lookAtLayer finds out what a layer over the root file system depends on. It changes nothing.
func (m *maker) lookAtLayer() error {
	o := m.o
	if !o.Ephemeral && o.EphemeralSize == "" && o.Overlay == "" {
		return nil
	}
	if o.Overlay != "" && (o.Ephemeral || o.EphemeralSize != "") {
		return &diag.Error{Kind: diag.Usage, Field: "--overlay", Value: o.Overlay,
			Problem: "keeps the changes and --ephemeral forgets them: choose one"}
	}
	if o.EphemeralSize != "" && !isTmpfsSize(o.EphemeralSize) {
		return &diag.Error{
			Kind: diag.Usage, Field: "--ephemeral-size", Value: o.EphemeralSize,
			Problem: "is no size: give bytes, or a number with k, m or g, or a part of the memory as 10%",
		}
	}
	l := &plan.Layer{Size: o.EphemeralSize}
	var st unix.Stat_t
	var fs unix.Statfs_t
	err := unix.Stat(m.spec.Rootfs, &st)
	if err == nil {
		err = unix.Statfs(m.spec.Rootfs, &fs)
	}
	if err != nil {
		e := diag.Sys("the root file system can't be used", "statfs", err)
		e.Field, e.Value = "root.path", m.spec.Rootfs
		return e
	}
	l.Mode, l.UID, l.GID = st.Mode&0o7777, st.Uid, st.Gid
	for _, f := range [...]struct{ has, attr uint64 }{
		{unix.ST_NOSUID, unix.MOUNT_ATTR_NOSUID},
		{unix.ST_NODEV, unix.MOUNT_ATTR_NODEV},
		{unix.ST_NOEXEC, unix.MOUNT_ATTR_NOEXEC},
		{unix.ST_NOATIME, unix.MOUNT_ATTR_NOATIME},
		{unix.ST_NODIRATIME, unix.MOUNT_ATTR_NODIRATIME},
	} {
		if uint64(fs.Flags)&f.has != 0 {
			l.Attrs |= f.attr
		}
	}
	if o.Overlay != "" {
		if l.Dir, err = m.findKept(o.Overlay); err != nil {
			return err
		}
	}
	m.options.Layer = l
	return nil
}

// isTmpfsSize reports whether a tmpfs takes a size: tmpfs(5).
func isTmpfsSize(text string) bool {
	digits := strings.TrimRight(text, "kKmMgG%")
	n, err := strconv.ParseUint(digits, 10, 63)
	return err == nil && n > 0 && len(text)-len(digits) <= 1
}

// findKept checks the directory of --overlay, which need not be there, and returns its path without links.
func (m *maker) findKept(dir string) (string, error) {
	wrong := func(problem string) error {
		return &diag.Error{Kind: diag.Usage, Field: "--overlay", Value: dir, Problem: problem}
	}
	path, err := filepath.Abs(dir)
	if err != nil {
		return "", &diag.Error{Kind: diag.Usage, Field: "--overlay", Value: dir, Err: err}
	}
	var st unix.Stat_t
	err = unix.Stat(path, &st)
	switch {
	case err == unix.ENOENT:
		// rt makes it, but not the way to it: that would more likely be a mistake.
		parent, err := filepath.EvalSymlinks(filepath.Dir(path))
		if err != nil {
			return "", &diag.Error{Kind: diag.Usage, Field: "--overlay", Value: dir,
				Problem: "its parent directory can't be used", Err: err}
		}
		path = filepath.Join(parent, filepath.Base(path))
	case err != nil:
		e := diag.Sys("can't be used", "stat", err)
		e.Field, e.Value = "--overlay", dir
		return "", e
	case st.Mode&unix.S_IFMT != unix.S_IFDIR:
		return "", wrong("is not a directory: name one for the changes, which rt makes if it is not there")
	default:
		if path, err = filepath.EvalSymlinks(path); err != nil {
			return "", &diag.Error{Kind: diag.Usage, Field: "--overlay", Value: dir, Err: err}
		}
	}
	root, err := filepath.EvalSymlinks(m.spec.Rootfs)
	if err != nil {
		return "", &diag.Error{Kind: diag.Host, Field: "root.path", Value: m.spec.Rootfs, Err: err}
	}
	_, inRoot := sys.Below(path, root)
	_, holdsRoot := sys.Below(root, path)
	switch {
	case inRoot:
		return "", wrong("is in root.path, " + root +
			", which the changes are to be kept out of: choose a directory elsewhere")
	case holdsRoot:
		return "", wrong("has root.path, " + root + ", in it: the two must be apart, so choose another directory")
	}
	return path, nil
}

// takeKept makes the directory of --overlay if need be, and takes it for this container alone.
func (m *maker) takeKept() error {
	if m.options.Layer == nil || m.options.Layer.Dir == "" {
		return nil
	}
	k := &keptLayer{path: m.options.Layer.Dir, fd: -1}
	m.kept = k
	m.undo.Push(k.undo.Run)
	failed := func(problem, call string, err error) error {
		e := diag.Sys(problem, call, err)
		e.Field, e.Value = "--overlay", m.o.Overlay
		return e
	}
	switch err := unix.Mkdir(k.path, 0o700); err {
	case nil:
		k.undo.Push(func() { _ = unix.Rmdir(k.path) })
	case unix.EEXIST:
	default:
		return failed("can't be made", "mkdir", err)
	}
	var err error
	if k.fd, err = unix.Open(k.path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0); err != nil {
		return failed("can't be opened", "open", err)
	}
	inUse := func(by string) error {
		k.undo.Clear()
		return &diag.Error{
			Kind: diag.Usage, Field: "--overlay", Value: m.o.Overlay,
			Problem: "is in use by " + by +
				": two containers can't write into one layer, so choose another directory, or end that container",
		}
	}
	if err := unix.Flock(k.fd, unix.LOCK_EX|unix.LOCK_NB); err == unix.EWOULDBLOCK {
		return inUse(k.owner("another container"))
	} else if err != nil {
		return failed("can't be locked", "flock", err)
	}
	if by := k.owner(""); by != "" {
		return inUse(by)
	}
	if unix.Faccessat(k.fd, "upper", unix.F_OK, 0) == unix.ENOENT {
		// No earlier container has left changes there.
		k.undo.Push(k.empty)
	}
	return nil
}

// owner names the container that lives and has the directory, as the file in it says; otherwise it returns unknown.
func (k *keptLayer) owner(unknown string) string {
	fd, err := unix.Openat(k.fd, usedBy, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return unknown
	}
	text := strings.Fields(readSome(fd, nil))
	if len(text) != 3 {
		return unknown
	}
	pid, _ := strconv.Atoi(text[1])
	start, _ := strconv.ParseUint(text[2], 10, 64)
	if !state.Alive(pid, start) {
		return unknown
	}
	return "container " + text[0] + " (pid " + text[1] + ")"
}

// keepKept notes in the directory of --overlay whose it is. What is in it stays from now on, whatever happens to the
// container.
func (m *maker) keepKept() error {
	k := m.kept
	if k == nil {
		return nil
	}
	fd, err := sys.Rewrite(k.fd, usedBy, 0o600)
	if err == nil {
		_, err = unix.Write(fd, []byte(m.id+" "+strconv.Itoa(m.pid)+" "+strconv.FormatUint(m.state.StartTime, 10)+"\n"))
		_ = unix.Close(fd)
	}
	if err != nil {
		e := diag.Sys("the container's name can't be noted in it", "openat", err)
		e.Field, e.Value = "--overlay", m.o.Overlay
		return e
	}
	k.undo.Clear()
	return nil
}

// empty removes what a container that could not be created has left there, which is nothing that a program of the
// container's has written.
func (k *keptLayer) empty() {
	for _, name := range [...]string{"upper", "work", usedBy} {
		_ = os.RemoveAll(filepath.Join(k.path, name))
	}
}
