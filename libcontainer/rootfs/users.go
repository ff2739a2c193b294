package rootfs

import (
	"bytes"
	"io"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/internal/sys"
)

// Inside is the file system that the processes of a container see.
type Inside struct {
	Pid    int    // of the container's init
	Rootfs string // root.path on the host
	Dir    string // the container's state directory
}

// LookUpUser returns the ids of the user with a name in the container's passwd(5). The name must not be a number.
func (in Inside) LookUpUser(name string) (uid, gid uint32, err error) {
	fields, err := in.readEntry(passwdPath, name)
	if err != nil {
		return 0, 0, err
	}
	const userID, groupID = 2, 3
	uid, ok := idField(fields, userID)
	gid, both := idField(fields, groupID)
	if !ok || !both {
		return 0, 0, noEntryError(name, "user", "/etc/passwd")
	}
	return uid, gid, nil
}

// LookUpGroup returns the id of the group with a name in the container's group(5). The name must not be a number.
func (in Inside) LookUpGroup(name string) (gid uint32, err error) {
	fields, err := in.readEntry("etc/group", name)
	if err != nil {
		return 0, err
	}
	const groupID = 2
	gid, ok := idField(fields, groupID)
	if !ok {
		return 0, noEntryError(name, "group", "/etc/group")
	}
	return gid, nil
}

// noEntryError returns the error about a name that a file of the container does not have.
func noEntryError(name, what, file string) error {
	return &diag.Error{
		Kind: diag.Usage, Field: "--user", Value: name, Problem: "is no " + what + " in the container's " + file,
		Hint: "numbers always work: UID or UID:GID",
	}
}

// idField parses a field that is an ID. It refuses the largest 32-bit number: to setresuid(2) it means "unchanged".
func idField(fields [][]byte, i int) (uint32, bool) {
	if len(fields) <= i {
		return 0, false
	}
	id, err := strconv.ParseUint(string(fields[i]), 10, 32)
	return uint32(id), err == nil && id != 1<<32-1 && fields[i][0] != '+'
}

// readEntry returns the fields of the first line with a name in a file of the container, nil if there is none.
func (in Inside) readEntry(file, name string) ([][]byte, error) {
	f, err := in.open(file)
	if err != nil || f == nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	return findEntry(f, name), nil
}

// open opens a regular file that the processes of the container see; nil if there is none. A file in another file
// system than root.path is copied by readUntrusted, because that file system may never answer.
func (in Inside) open(path string) (*os.File, error) {
	root, err := openRoot(in.Pid)
	if err != nil {
		return nil, nil //nolint:nilerr,nilnil // the process has ended
	}
	defer func() { _ = unix.Close(root) }()
	if sys.InFileSystemOf(root, in.Rootfs) {
		file, err := unix.Openat2(root, path, &unix.OpenHow{
			Flags:   unix.O_PATH | unix.O_CLOEXEC,
			Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS | unix.RESOLVE_NO_XDEV,
		})
		if err == nil {
			defer func() { _ = unix.Close(file) }()
			return openUsers(file), nil
		}
		if err != unix.EXDEV {
			return nil, nil //nolint:nilerr,nilnil // no such file
		}
	}
	return readUntrusted(-1, root, path, maxPasswd, in.Dir)
}

// findEntry returns the fields of the first line with a name.
func findEntry(r io.Reader, name string) (found [][]byte) {
	forEachLine(r, func(line []byte) bool {
		const most = 8
		fields := bytes.SplitN(line, []byte{':'}, most)
		if len(fields) < 3 || string(fields[0]) != name { //nolint:mnd // a name, a password, an id
			return false
		}
		found = bytes.SplitN(bytes.Clone(line), []byte{':'}, most)
		return true
	})
	return found
}

// openUsers opens the file of an O_PATH descriptor; nil if it is no regular file: opening a device has side effects,
// and opening a FIFO may wait.
func openUsers(file int) *os.File {
	var st unix.Stat_t
	if unix.Fstat(file, &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFREG {
		return nil
	}
	flags := unix.O_RDONLY | unix.O_CLOEXEC | unix.O_NONBLOCK | unix.O_NOCTTY
	fd, err := unix.Open("/proc/self/fd/"+strconv.Itoa(file), flags, 0)
	if err != nil {
		return nil
	}
	_ = unix.SetNonblock(fd, false) // otherwise package os would create an epoll instance for it
	return os.NewFile(uintptr(fd), "users")
}
