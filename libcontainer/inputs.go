package libcontainer

import (
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/internal/sys"
	"rt/libcontainer/plan"
	"rt/spec"
)

// checkRootfs sees to it that root.path is a directory, before anything is made.
func (m *maker) checkRootfs() error {
	var st unix.Stat_t
	err := unix.Stat(m.spec.Rootfs, &st)
	if err == nil && st.Mode&unix.S_IFMT != unix.S_IFDIR {
		err = unix.ENOTDIR
	}
	if err != nil {
		e := diag.Sys("the root file system can't be used", "stat", err)
		e.Field, e.Value = "root.path", m.spec.Rootfs
		return e
	}
	return m.checkNull()
}

// checkNull sees to it that /dev/null, which files are masked with, is what it is everywhere.
func (m *maker) checkNull() error {
	if len(m.spec.MaskedPaths) == 0 {
		return nil
	}
	var st unix.Stat_t
	err := unix.Lstat("/dev/null", &st)
	if err == nil && (st.Mode&unix.S_IFMT != unix.S_IFCHR || st.Rdev != unix.Mkdev(1, 3)) {
		return &diag.Error{Kind: diag.Host, Field: "linux.maskedPaths",
			Problem: "the host's /dev/null is not the character device 1:3, so nothing can be hidden behind it"}
	}
	if err != nil {
		return diag.Sys("the host's /dev/null can't be used to hide paths behind", "lstat", err)
	}
	return nil
}

// listenFDs passes on what a service manager gave to rt: sd_listen_fds(3). The descriptors come first, then those of
// --preserve-fds.
func (m *maker) listenFDs() error {
	// They are meant for one process, which LISTEN_PID names: whoever inherits the environment by chance has other
	// descriptors by these numbers.
	if text := os.Getenv("LISTEN_FDS"); text != "" && os.Getenv("LISTEN_PID") == strconv.Itoa(os.Getpid()) {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			return &diag.Error{Kind: diag.Usage, Field: "LISTEN_FDS", Value: text,
				Problem: "in the environment of rt must be a number of descriptors"}
		}
		m.options.PreserveFDs += n
		m.options.Env = append(m.options.Env, "LISTEN_FDS="+text, "LISTEN_PID=1")
		if names := os.Getenv("LISTEN_FDNAMES"); names != "" {
			m.options.Env = append(m.options.Env, "LISTEN_FDNAMES="+names)
		}
	}
	return checkPreserved(m.options.PreserveFDs)
}

// checkPreserved makes sure that what is to be handed down is there.
func checkPreserved(n int) error {
	for fd := 3; fd < 3+n; fd++ {
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != nil {
			return &diag.Error{
				Kind: diag.Usage, Field: "--preserve-fds", Value: strconv.Itoa(n),
				Problem: "descriptor " + strconv.Itoa(fd) + " is not open: the caller of rt must open all from 3 on",
			}
		}
	}
	return nil
}

// lookAtProcess fills in what the plan needs for the process.
func lookAtProcess(p *spec.Process, o *plan.Options) {
	o.HardLimits = make(map[int]uint64, len(p.Rlimits))
	for i := range p.Rlimits {
		var l unix.Rlimit
		if unix.Prlimit(0, p.Rlimits[i].Resource, nil, &l) == nil {
			o.HardLimits[p.Rlimits[i].Resource] = l.Max
		}
	}
	if p.UID == 0 || p.Terminal {
		return
	}
	for fd := range o.ChownStdio {
		o.ChownStdio[fd] = ownable(fd)
	}
}

// ownable reports whether a standard stream may be given to the container's user: a pipe, a socket or a file, but no
// device, which others use too.
func ownable(fd int) bool {
	var st unix.Stat_t
	if unix.Fstat(fd, &st) != nil {
		return false
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFIFO, unix.S_IFSOCK, unix.S_IFREG:
		return true
	}
	return false
}

// readSome reads a regular file of a sensible size: what an image calls /etc/passwd may be anything.
func readSome(fd int, err error) string {
	if err != nil {
		return ""
	}
	defer func() { _ = unix.Close(fd) }()
	const most = 1 << 20
	text, err := sys.ReadSmall(fd, most)
	if err != nil {
		return ""
	}
	return string(text)
}
