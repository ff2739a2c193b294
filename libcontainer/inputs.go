package libcontainer

import (
	"os"
	"strconv"
	"strings"

	securejoin "github.com/cyphar/filepath-securejoin"
	"golang.org/x/sys/unix"

	"rt/libcontainer/diag"
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
		return &diag.Error{Kind: diag.Host, Field: "linux.maskedPaths", Problem: "the host's /dev/null is not the character device 1:3, so nothing can be hidden behind it"}
	}
	if err != nil {
		return diag.Sys("the host's /dev/null can't be used to hide paths behind", "lstat", err)
	}
	return nil
}

// lookAtSources finds out what the sources of bind mounts are.
func (m *maker) lookAtSources() error {
	m.options.Sources = make([]plan.Source, len(m.spec.Mounts))
	for i := range m.spec.Mounts {
		mount := &m.spec.Mounts[i]
		if !mount.Bind || mount.Remount {
			if h := plan.StandIn(m.spec, &m.facts, mount); h != nil && mountedOnHost(h) {
				m.options.Sources[i] = plan.SourceHost
			}
			continue
		}
		var st unix.Stat_t
		if err := unix.Stat(mount.Source, &st); err != nil {
			e := diag.Sys("the source of the bind mount can't be used", "stat", err)
			e.Field, e.Value = "mounts["+strconv.Itoa(mount.Index)+"].source", mount.Source
			e.Hint = diag.Hint("open_tree", e.Errno, "mounts")
			return e
		}
		m.options.Sources[i] = plan.SourceFile
		if st.Mode&unix.S_IFMT == unix.S_IFDIR {
			m.options.Sources[i] = plan.SourceDir
		}
	}
	return nil
}

// lookAtTargets finds out where mount points that are not there would be made, and the modes of those that a tmpfs is to cover.
func (m *maker) lookAtTargets() error {
	root, err := unix.Open(m.spec.Rootfs, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return diag.Sys("open the root file system", "open", err)
	}
	defer func() { _ = unix.Close(root) }()
	how := unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS}
	for i := range m.spec.Mounts {
		destination := m.spec.Mounts[i].Destination
		fd, err := unix.Openat2(root, strings.TrimPrefix(destination, "/"), &how)
		if err == nil {
			m.lookAtMode(i, fd)
			_ = unix.Close(fd)
		}
		if err != unix.ENOENT {
			continue
		}
		path, err := securejoin.SecureJoin(m.spec.Rootfs, destination)
		if err != nil || path == m.spec.Rootfs+destination {
			continue // no links, or too many of them: openat2(2) has the last word
		}
		if m.options.Targets == nil {
			m.options.Targets = make([]string, len(m.spec.Mounts))
		}
		m.options.Targets[i] = strings.TrimPrefix(path, m.spec.Rootfs)
	}
	return nil
}

// lookAtMode notes the mode of the directory fd for mount i, if that is a tmpfs with none of its own. What an earlier mount covers is not what the
// tmpfs will cover: then the mode stays the kernel's, as that of a directory which is made.
func (m *maker) lookAtMode(i, fd int) {
	mount := &m.spec.Mounts[i]
	if mount.Type != "tmpfs" || mount.Bind || mount.Remount || strings.Contains(","+mount.Data, ",mode=") {
		return
	}
	for j := range m.spec.Mounts[:i] {
		if above := m.spec.Mounts[j].Destination; mount.Destination == above || strings.HasPrefix(mount.Destination, above+"/") {
			return
		}
	}
	var st unix.Stat_t
	if unix.Fstat(fd, &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFDIR {
		return
	}
	if m.options.Modes == nil {
		m.options.Modes = make([]uint32, len(m.spec.Mounts))
	}
	m.options.Modes[i] = st.Mode
}

// listenFDs passes on what a service manager gave to rt: sd_listen_fds(3). The descriptors come first, then those of --preserve-fds.
func (m *maker) listenFDs() error {
	if text := os.Getenv("LISTEN_FDS"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			return &diag.Error{Kind: diag.Usage, Field: "LISTEN_FDS", Value: text, Problem: "in the environment of rt must be a number of descriptors"}
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

// lookAtProcess fills in what the plan needs for the process. passwd reads the container's /etc/passwd.
func lookAtProcess(p *spec.Process, o *plan.Options, passwd func() string) {
	o.Home = home(p, passwd)
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

// ownable reports whether a standard stream may be given to the container's user: a pipe, a socket or a file, but no device, which others use too.
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

// home is the home directory that the container's /etc/passwd gives the user, "/" if it does not know him. The file is that of the image, or
// of a bind mount over it; it is looked up without leaving the root file system.
func home(p *spec.Process, passwd func() string) string {
	for _, e := range p.Env {
		if strings.HasPrefix(e, "HOME=") && len(e) > len("HOME=") {
			return "" // not asked
		}
	}
	text := passwd()
	uid := strconv.FormatUint(uint64(p.UID), 10)
	for line := range strings.Lines(text) {
		fields := strings.Split(strings.TrimSuffix(line, "\n"), ":")
		if len(fields) >= 6 && fields[2] == uid && fields[5] != "" {
			return fields[5]
		}
	}
	return "/"
}

// passwd reads the container's /etc/passwd, or nothing.
func (m *maker) passwd() string {
	for i := range m.spec.Mounts {
		if mount := &m.spec.Mounts[i]; mount.Bind && !mount.Remount && mount.Destination == "/etc/passwd" {
			fd, err := unix.Open(mount.Source, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
			return readSome(fd, err)
		}
	}
	return m.layered("etc/passwd")
}

// readInRoot reads a file below root, or nothing.
func readInRoot(root, name string) string {
	return readSome(openInRoot(root, name, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY))
}

// openInRoot opens a file below root, without leaving that.
func openInRoot(root, name string, flags uint64) (int, error) {
	dir, err := unix.Open(root, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	defer func() { _ = unix.Close(dir) }()
	return unix.Openat2(dir, name, &unix.OpenHow{Flags: flags | unix.O_CLOEXEC, Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS})
}

// readSome reads a regular file of a sensible size: what an image calls /etc/passwd may be anything.
func readSome(fd int, err error) string {
	if err != nil {
		return ""
	}
	defer func() { _ = unix.Close(fd) }()
	const most = 1 << 20
	var st unix.Stat_t
	if unix.Fstat(fd, &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFREG || st.Size > most {
		return ""
	}
	text := make([]byte, st.Size)
	n, err := unix.Read(fd, text)
	if err != nil || n < 0 {
		return ""
	}
	return string(text[:n])
}
