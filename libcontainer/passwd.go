package libcontainer

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"rt/libcontainer/plan"
	"rt/libcontainer/supervise"
)

// answerHome answers what HOME of the container's user is, by the passwd that the boot process has handed over.
func (m *maker) answerHome(r supervise.Report) error {
	home := "/"
	if r.FD >= 0 {
		defer func() { _ = unix.Close(r.FD) }()
		if isHosts(r.FD, m.spec.Rootfs) {
			home = homeIn(r.FD, m.spec.Process.UID)
		} else {
			var err error
			if home, err = homeInCopy(r.FD, -1, m.spec.Process.UID, m.container.Path(".")); err != nil {
				return err
			}
		}
	}
	m.session.Reply = append([]byte("HOME="+home), 0)
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
// descriptor of what the container has by that name, which may be anything: a file is opened only when it is known to
// be one. A device would notice, and a FIFO wait.
func homeIn(file int, uid uint32) string {
	const nowhere = "/"
	var st unix.Stat_t
	if unix.Fstat(file, &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFREG {
		return nowhere
	}
	fd, err := unix.Open("/proc/self/fd/"+strconv.Itoa(file),
		unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err != nil {
		return nowhere
	}
	f := os.NewFile(uintptr(fd), "passwd")
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

// homeOf looks a user up in the lines of a passwd(5). It passes over those that are too long, or have too few fields.
func homeOf(r io.Reader, uid uint32) string {
	lines := bufio.NewReaderSize(io.LimitReader(r, maxPasswd), maxPasswdLine)
	for {
		line, err := lines.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			for errors.Is(err, bufio.ErrBufferFull) {
				_, err = lines.ReadSlice('\n')
			}
			line = nil
		}
		if home, ok := homeInLine(bytes.TrimSpace(line), uid); ok {
			return home
		}
		if err != nil {
			return ""
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
