package attack

import (
	"encoding/binary"
	"fmt"
	"runtime"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// silentFiles is a FUSE file system, as a container can mount one, whose files never answer an open(2). Its root
// directory has every name that is asked for: a regular file.
type silentFiles struct {
	fd     int
	target string // in the mount namespace of the test; "" is another's
	// ioctl, if it is not nil, answers ioctl(2) with its result; then an open(2) is answered too.
	ioctl func(request uint32) uint32
	ended atomic.Bool
}

// The requests of fuse(4) that it knows.
const (
	fuseLookup  = 1
	fuseGetattr = 3
	fuseOpen    = 14
	fuseRelease = 18
	fuseFlush   = 25
	fuseInit    = 26
	fuseIoctl   = 39
)

// mountSilent mounts the file system at target, in the mount namespace of pid; 0 is that of the test.
func (s *stage) mountSilent(pid int, target string) *silentFiles {
	s.t.Helper()
	return s.mountFUSE(&silentFiles{}, pid, target)
}

func (s *stage) mountFUSE(f *silentFiles, pid int, target string) *silentFiles {
	s.t.Helper()
	_ = unix.Mknod("/dev/fuse", unix.S_IFCHR|0o600, int(unix.Mkdev(10, 229))) // in the /dev of the tests
	fd, err := unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err == unix.ENODEV || err == unix.ENXIO {
		s.t.Skip("needs a kernel with FUSE")
	}
	must(s.t, err)
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and not unlocked: the thread ends with the goroutine
		done <- func() error {
			if pid != 0 {
				ns, err := unix.Open(fmt.Sprintf("/proc/%d/ns/mnt", pid), unix.O_RDONLY|unix.O_CLOEXEC, 0)
				if err == nil {
					err = unix.Unshare(unix.CLONE_FS)
				}
				if err == nil {
					err = unix.Setns(ns, unix.CLONE_NEWNS)
				}
				if err != nil {
					return err
				}
			}
			return unix.Mount("silent", target, "fuse", 0,
				fmt.Sprintf("fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other", fd))
		}()
	}()
	must(s.t, <-done)
	f.fd = fd
	if pid == 0 {
		f.target = target
	}
	go f.serve()
	return f
}

// end lets all go who wait: the file system is gone with its server.
func (f *silentFiles) end() {
	f.ended.Store(true)
	if f.target != "" {
		_ = unix.Unmount(f.target, unix.MNT_DETACH)
	}
}

// serve answers what leads to a file, and not the open of it.
func (f *silentFiles) serve() {
	defer func() { _ = unix.Close(f.fd) }()
	le := binary.LittleEndian
	for !f.ended.Load() {
		const often = 100 // milliseconds
		if n, err := unix.Poll([]unix.PollFd{{Fd: int32(f.fd), Events: unix.POLLIN}}, often); n == 0 || err != nil {
			continue
		}
		request := make([]byte, 1<<17)
		n, err := unix.Read(f.fd, request)
		if err == unix.EINTR {
			continue
		}
		if err != nil || n < 40 {
			return
		}
		var out []byte
		attributes := func(node uint64, mode uint32) {
			out = le.AppendUint64(out, node)
			out = le.AppendUint64(out, 100) // bytes
			out = append(out, make([]byte, 44)...)
			out = le.AppendUint32(out, mode)
			out = append(out, make([]byte, 24)...)
		}
		switch le.Uint32(request[4:]) {
		case fuseInit:
			out = le.AppendUint32(le.AppendUint32(nil, 7), 31)
			out = append(out, make([]byte, 56)...)
		case fuseLookup:
			out = le.AppendUint64(nil, 2)
			out = append(le.AppendUint64(out, 0), make([]byte, 24)...)
			attributes(2, unix.S_IFREG|0o644)
		case fuseGetattr:
			out = make([]byte, 16)
			mode := uint32(unix.S_IFREG | 0o644)
			if le.Uint64(request[16:]) == 1 {
				mode = unix.S_IFDIR | 0o755
			}
			attributes(le.Uint64(request[16:]), mode)
		default:
			switch opcode := le.Uint32(request[4:]); {
			case f.ioctl == nil:
				continue // fuseOpen, above all
			case opcode == fuseFlush, opcode == fuseRelease:
			case opcode == fuseOpen:
				out = make([]byte, 16)
			case opcode == fuseIoctl:
				out = append(le.AppendUint32(nil, f.ioctl(le.Uint32(request[52:]))), make([]byte, 12)...)
			default:
				continue
			}
		}
		head := le.AppendUint32(nil, uint32(16+len(out)))
		head = append(le.AppendUint32(head, 0), request[8:16]...)
		_, _ = unix.Write(f.fd, append(head, out...))
	}
}
