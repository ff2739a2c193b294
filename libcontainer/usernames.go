package libcontainer

import (
	"bytes"
	"io"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
)

// userNamed resolves the names of --user by the passwd(5) and group(5) that the processes of the container see. A name is
// only what package cli did not take for a number.
func (x *executor) userNamed(o *ProcessOptions) error {
	if o.UserName != "" {
		fields, err := x.entryInside(passwdPath, o.UserName)
		if err != nil {
			return err
		}
		const userID, groupID = 2, 3
		uid, ok := idField(fields, userID)
		gid, both := idField(fields, groupID)
		if !ok || !both {
			return notInside(o.UserName, "user", "/etc/passwd")
		}
		o.UID = &uid
		if o.GID == nil && o.GroupName == "" {
			o.GID = &gid
		}
	}
	if o.GroupName != "" {
		const groupID = 2
		fields, err := x.entryInside("etc/group", o.GroupName)
		if err != nil {
			return err
		}
		gid, ok := idField(fields, groupID)
		if !ok {
			return notInside(o.GroupName, "group", "/etc/group")
		}
		o.GID = &gid
	}
	return nil
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

// entryInside returns the fields of the first line with a name in a file of the container, nil if there is none.
func (x *executor) entryInside(file, name string) ([][]byte, error) {
	f, err := x.openInside(file)
	if err != nil || f == nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	return entryOf(f, name), nil
}

// openInside opens a regular file that the processes of the container see, or returns nil if there is none. What is in
// another file system than the image may never answer, and is copied: see readUntrusted.
func (x *executor) openInside(path string) (*os.File, error) {
	root, err := openRoot(x.state.Pid)
	if err != nil {
		return nil, nil //nolint:nilerr,nilnil // it has ended: see initAlive
	}
	defer func() { _ = unix.Close(root) }()
	if isHosts(root, x.spec.Rootfs) {
		file, err := unix.Openat2(root, path, &unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC,
			Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS | unix.RESOLVE_NO_XDEV})
		if err == nil {
			defer func() { _ = unix.Close(file) }()
			return openUsers(file), nil
		}
		if err != unix.EXDEV {
			return nil, nil //nolint:nilerr,nilnil // no such file
		}
	}
	return readUntrusted(-1, root, path, maxPasswd, x.container.Path("."))
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
	return os.NewFile(uintptr(fd), "users")
}
