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

// answerHome answers what HOME of the container's user is, by the passwd that the boot process has passed.
func (s *Server) answerHome(r supervise.Report) error {
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

// The most that is read of a passwd, whose lines are no longer than a path and some names. Larger ones are no lists of
// users: a file may have more holes than any disk has bytes.
const (
	passwdPath    = "etc/passwd"
	maxPasswd     = 64 << 20
	maxPasswdLine = 2 * unix.PathMax
)

// homeIn returns the home directory of a user by a passwd(5), "/" if that does not know him. file is an O_PATH
// descriptor of what the container has by that name, which may be anything.
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

// homeOf looks a user up in the lines of a passwd(5), "" if he is not there.
func homeOf(r io.Reader, uid uint32) (home string) {
	eachLine(r, func(line []byte) (found bool) {
		home, found = homeInLine(line, uid)
		return found
	})
	return home
}

// eachLine calls found with the lines of a file until that returns true. It passes over those that are too long.
func eachLine(r io.Reader, found func(line []byte) bool) {
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
