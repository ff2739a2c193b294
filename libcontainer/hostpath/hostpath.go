// Package hostpath looks up paths of the host that a config names. They may lead to a file system that never answers:
// the source of a bind mount may be a FUSE file system that a container serves. SIGKILL does not end a thread that
// waits for such a server, nor its process. rt itself therefore looks up only paths that the kernel has in its caches
// (RESOLVE_CACHED of openat2(2)). For others it starts a process that it can abandon.
package hostpath

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/internal/sys"
	"rt/libcontainer/foreground"
	"rt/libcontainer/plan"
	"rt/libcontainer/supervise"
	"rt/nsenter"
)

// resolveCached is RESOLVE_CACHED of linux/openat2.h.
const resolveCached = 0x20

// limit is the time that a look-up may take. Only tests change it.
var limit = 10 * time.Second

// Open opens a path as open(2) does with O_PATH and flags. statx(2) of the descriptor with AT_STATX_DONT_SYNC sends no
// request to a server.
func Open(path string, flags uint64) (int, error) {
	fd, err := unix.Openat2(unix.AT_FDCWD, path, &unix.OpenHow{
		Flags: unix.O_PATH | unix.O_CLOEXEC | flags, Resolve: resolveCached,
	})
	// EINVAL: before Linux 5.12.
	if err != unix.EAGAIN && err != unix.EINVAL {
		return fd, err
	}
	fd, err = openInProcess(path, flags)
	if err == unix.ELOOP || err == nil && inProc(fd) {
		// Magic links, and what is in /proc/self, are those of this process.
		if err == nil {
			_ = unix.Close(fd)
		}
		return unix.Open(path, unix.O_PATH|unix.O_CLOEXEC|int(flags), 0)
	}
	return fd, err
}

// Answers reports whether a path leads to a file in the file system of the root directory, and the kernel has the path
// in its caches. The execve(2) of such a file waits for no server.
func Answers(path string) bool {
	fd, err := unix.Openat2(unix.AT_FDCWD, path, &unix.OpenHow{
		Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: resolveCached,
	})
	if err != nil {
		return false
	}
	defer func() { _ = unix.Close(fd) }()
	return sys.InFileSystemOf(fd, "/")
}

// Type returns the type of the file of an O_PATH descriptor, S_IFMT of its mode, from the caches of the kernel.
func Type(fd int) (uint16, error) {
	_, mode, err := sys.DeviceOf(fd)
	return mode & unix.S_IFMT, err
}

// Readlink returns the text of a symbolic link; "" if the path is no link.
func Readlink(path string) (string, error) {
	fd, err := Open(path, unix.O_NOFOLLOW)
	if err != nil {
		return "", err
	}
	defer func() { _ = unix.Close(fd) }()
	if kind, err := Type(fd); err != nil || kind != unix.S_IFLNK {
		return "", err
	}
	if inProc(fd) {
		return os.Readlink(path)
	}
	to, err := unix.MemfdCreate("rt-link", unix.MFD_CLOEXEC)
	if err != nil {
		return "", err
	}
	text := os.NewFile(uintptr(to), "link")
	defer func() { _ = text.Close() }()
	if _, err := serve(plan.LinkReaderProgram(path), to); err != nil {
		return "", err
	}
	target, err := io.ReadAll(io.NewSectionReader(text, 0, unix.PathMax))
	return string(target), err
}

// Resolve returns a path without symbolic links. Trailing names that do not exist stay as they are, unless one is "..".
func Resolve(path string) (string, error) {
	rest := ""
	for range maxLinks {
		fd, err := Open(path, 0)
		if err == nil {
			resolved, err := os.Readlink("/proc/self/fd/" + strconv.Itoa(fd))
			_ = unix.Close(fd)
			return filepath.Join(resolved, rest), err
		}
		if err != unix.ENOENT && err != unix.ENOTDIR || path == "/" {
			return "", err
		}
		text, err := Readlink(path)
		switch {
		case text == "":
			path, rest = filepath.Dir(path), filepath.Join(filepath.Base(path), rest)
		case filepath.IsAbs(text):
			path = filepath.Clean(text)
		default:
			path = filepath.Join(filepath.Dir(path), text)
		}
		if err != nil && err != unix.ENOENT && err != unix.ENOTDIR {
			return "", err
		}
	}
	return "", unix.ELOOP
}

// maxLinks is how many links and missing names Resolve follows.
const maxLinks = 255

// inProc reports whether a file is in a procfs, which never waits for a server.
func inProc(fd int) bool {
	var own unix.Stat_t
	device, _, err := sys.DeviceOf(fd)
	return err == nil && unix.Stat("/proc", &own) == nil && own.Dev == device
}

// openInProcess opens a path in another process, and returns the descriptor that this process passes.
func openInProcess(path string, flags uint64) (int, error) {
	null, err := unix.Open("/dev/null", unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	defer func() { _ = unix.Close(null) }()
	return serve(plan.FinderProgram(path, flags), null)
}

// serve executes a program of package plan, which writes to the descriptor to, and returns the descriptor that it
// passes; -1 without one. An error is that of the call that has failed.
func serve(program *nsenter.Program, to int) (fd int, err error) {
	image, err := nsenter.Assemble(program)
	if err != nil {
		return -1, unix.EINVAL // a NUL byte in the path
	}
	boot, err := nsenter.Spawn(image, &nsenter.SpawnOptions{
		Argv: []string{"rt-find"}, Files: []uintptr{plan.FinderTo: uintptr(to)}, CgroupFD: -1,
	})
	if err != nil {
		return -1, err
	}
	begin, fd := time.Now(), -1
	session := supervise.Session{Boot: boot, Steps: program.Steps, Interrupted: func() error {
		if time.Since(begin) > limit {
			return unix.ETIMEDOUT
		}
		return foreground.Interrupted()
	}}
	session.Handlers[plan.SyncHome] = func(r supervise.Report) error {
		fd = r.FD
		return nil
	}
	err = session.Serve(plan.SyncNone)
	session.End()
	if f, ok := errors.AsType[*supervise.Failure](err); ok {
		err = nsenter.Errno(f.Result)
	}
	if err != nil {
		sys.CloseAll(fd)
		return -1, err
	}
	return fd, nil
}

// LookUpError returns the error about a path of the host that could not be looked up. call is the system call that rt
// would make otherwise.
func LookUpError(problem, call string, err error) *diag.Error {
	return diag.SysWithin(problem, call, err,
		"the file system there has not answered within "+limit.String()+": look for its server")
}
