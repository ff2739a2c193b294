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
	Pid    int    // of the container's process
	Rootfs string // the host's path of root.path
	Dir    string // the state directory
}

// User returns the ids of the user with a name in the container's passwd(5). The name must not be a number.
func (in Inside) User(name string) (uid, gid uint32, err error) {
	fields, err := in.entry(passwdPath, name)
	if err != nil {
		return 0, 0, err
	}
	const userID, groupID = 2, 3
	uid, ok := idField(fields, userID)
	gid, both := idField(fields, groupID)
	if !ok || !both {
		return 0, 0, notInside(name, "user", "/etc/passwd")
	}
	return uid, gid, nil
}

// Group returns the id of the group with a name in the container's group(5). The name must not be a number.
func (in Inside) Group(name string) (gid uint32, err error) {
	fields, err := in.entry("etc/group", name)
	if err != nil {
		return 0, err
	}
	const groupID = 2
	gid, ok := idField(fields, groupID)
	if !ok {
		return 0, notInside(name, "group", "/etc/group")
	}
	return gid, nil
}

func notInside(name, what, file string) error {
	return &diag.Error{
		Kind: diag.Usage, Field: "--user", Value: name, Problem: "is no " + what + " in the container's " + file,
		Hint: "numbers always work: UID or UID:GID",
	}
}

// idField reads a field that is an id. The last 32-bit number means "leave it as it is" to setresuid(2).
func idField(fields [][]byte, i int) (uint32, bool) {
	if len(fields) <= i {
		return 0, false
	}
	id, err := strconv.ParseUint(string(fields[i]), 10, 32)
	return uint32(id), err == nil && id != 1<<32-1 && fields[i][0] != '+'
}

// entry returns the fields of the first line with a name in a file of the container, nil if there is none.
func (in Inside) entry(file, name string) ([][]byte, error) {
	f, err := in.open(file)
	if err != nil || f == nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	return entryOf(f, name), nil
}

// open opens a regular file that the processes of the container see, or returns nil if there is none. What is in
// another file system than the image may never answer, and is copied: see readUntrusted.
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

// entryOf returns the fields of the first line with a name.
func entryOf(r io.Reader, name string) (found [][]byte) {
	eachLine(r, func(line []byte) bool {
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

// openUsers opens a file of the container, given with O_PATH, or returns nil if it is no regular one: a device would
// notice, and a FIFO wait.
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
	_ = unix.SetNonblock(fd, false) // package os would poll it, and make an epoll instance first
	return os.NewFile(uintptr(fd), "users")
}
