package rootfs

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strconv"

	"golang.org/x/sys/unix"

	"rt/internal/sys"
	"rt/libcontainer/plan"
	"rt/libcontainer/supervise"
)

// replyHome replies with the HOME of the container's user, from the passwd that the boot process has passed.
func (s *Server) replyHome(r supervise.Report) error {
	home := "/"
	if r.FD >= 0 {
		defer func() { _ = unix.Close(r.FD) }()
		if sys.InFileSystemOf(r.FD, s.spec.Rootfs) {
			home = homeIn(r.FD, s.spec.Process.UID)
		} else {
			var err error
			if home, err = homeInCopy(r.FD, -1, s.spec.Process.UID, s.dir); err != nil {
				return err
			}
		}
	}
	s.session.Reply = append([]byte("HOME="+home), 0)
	return nil
}

// The limits, in bytes, of a passwd and of its lines, each of which has a path and some names. A larger file is no list
// of users: a sparse file may be larger than any disk.
const (
	passwdPath    = "etc/passwd"
	maxPasswd     = 64 << 20
	maxPasswdLine = 2 * unix.PathMax
)

// homeIn returns the home directory of a user in a passwd(5); "/" if the file does not have the user. file is an O_PATH
// descriptor of the container's file with that name, which may be of any type.
func homeIn(file int, uid uint32) string {
	const nowhere = "/"
	f := openUsers(file)
	if f == nil {
		return nowhere
	}
	defer func() { _ = f.Close() }()
	if home := homeOf(f, uid); home != "" {
		return home
	}
	return nowhere
}

// homeInCopy is homeIn for a file in a file system that may never answer: see readUntrusted. file is -1 to look for it
// from root.
func homeInCopy(file, root int, uid uint32, dir string) (string, error) {
	text, err := readUntrusted(file, root, passwdPath, maxPasswd, dir)
	if err != nil || text == nil {
		return "/", err
	}
	defer func() { _ = text.Close() }()
	if home := homeOf(text, uid); home != "" {
		return home, nil
	}
	return "/", nil
}

// homeOf returns the home directory of a user in the lines of a passwd(5); "" if they do not have the user.
func homeOf(r io.Reader, uid uint32) (home string) {
	forEachLine(r, func(line []byte) (found bool) {
		home, found = homeInLine(line, uid)
		return found
	})
	return home
}

// forEachLine calls found with the lines of a file until that returns true. It skips lines that are too long.
func forEachLine(r io.Reader, found func(line []byte) bool) {
	lines := bufio.NewReaderSize(io.LimitReader(r, maxPasswd), maxPasswdLine)
	for {
		line, err := lines.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			for errors.Is(err, bufio.ErrBufferFull) {
				_, err = lines.ReadSlice('\n')
			}
			line = nil
		}
		if found(bytes.TrimSpace(line)) || err != nil {
			return
		}
	}
}

// homeInLine returns the home directory in a line, if the line is that of the user and has one that can be in an
// environment.
func homeInLine(line []byte, uid uint32) (string, bool) {
	const idField, homeField = 2, 5
	fields := bytes.SplitN(line, []byte{':'}, homeField+2)
	if len(fields) <= homeField {
		return "", false
	}
	id, err := strconv.ParseUint(string(fields[idField]), 10, 32)
	home := fields[homeField]
	if err != nil || uint32(id) != uid || len(home) == 0 || len("HOME=")+len(home) >= plan.HomeSize ||
		bytes.IndexByte(home, 0) >= 0 {
		return "", false
	}
	return string(home), true
}
