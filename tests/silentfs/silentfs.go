// Package silentfs is a FUSE file system for tests, as a container can mount one, whose server does not answer what it
// likes.
package silentfs

import (
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// Files is such a file system. Its root directory has every name that is asked for: a file of type Mode. With the zero
// value look-ups are answered, and the open(2) of a file never is.
type Files struct {
	// Mode is that of each file, with its type; 0 is a regular file. Rdev is the number of a device, as the kernel
	// encodes it.
	Mode, Rdev uint32
	// Missing says that the root directory has no names.
	Missing bool
	// Silent, if it is not nil, says which requests are not answered, by name: one of the list below.
	Silent func(opcode uint32) bool
	// Ioctl, if it is not nil, answers ioctl(2) with its result; then an open(2) is answered too.
	Ioctl func(request uint32) uint32

	fd      int
	target  string // in the mount namespace of the test; "" is another's
	asked   [64]atomic.Bool
	waiting atomic.Bool
	ended   atomic.Bool
	closed  chan struct{} // when the server has closed its descriptor
}

// The requests of fuse(4) that it knows.
const (
	Lookup   = 1
	Getattr  = 3
	Readlink = 5
	Mkdir    = 9
	Open     = 14
	Release  = 18
	Flush    = 25
	Init     = 26
	Opendir  = 27
	Ioctl    = 39
)

// ErrNoFUSE says that the kernel has no FUSE.
var ErrNoFUSE = errors.New("needs a kernel with FUSE")

// Mount mounts the file system at target, in the mount namespace of process pid; 0 is that of the test.
func (f *Files) Mount(pid int, target string) error {
	_ = unix.Mknod("/dev/fuse", unix.S_IFCHR|0o600, int(unix.Mkdev(10, 229))) // in the /dev of the tests
	fd, err := unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err == unix.ENODEV || err == unix.ENXIO || err == unix.ENOENT {
		return ErrNoFUSE
	}
	if err != nil {
		return err
	}
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
	if err := <-done; err != nil {
		_ = unix.Close(fd)
		return err
	}
	f.fd, f.closed = fd, make(chan struct{})
	if pid == 0 {
		f.target = target
	}
	go f.serve()
	return nil
}

// Asked reports whether a request of this kind has come.
func (f *Files) Asked(opcode uint32) bool { return f.asked[opcode%uint32(len(f.asked))].Load() }

// Waiting reports whether there is a request that gets no answer.
func (f *Files) Waiting() bool { return f.waiting.Load() }

// End ends the server, and with it every wait for an answer. It returns when the descriptor is closed: a process that
// ends earlier, with a thread that waits for its own server, is never gone.
func (f *Files) End() {
	f.ended.Store(true)
	if f.closed != nil {
		<-f.closed
	}
	if f.target != "" {
		_ = unix.Unmount(f.target, unix.MNT_DETACH)
	}
}

// silent reports whether a request is not answered.
func (f *Files) silent(opcode uint32) bool {
	switch {
	case opcode == Init:
		return false
	case f.Silent != nil:
		return f.Silent(opcode)
	case f.Ioctl != nil:
		return false
	}
	return opcode != Lookup && opcode != Getattr
}

// serve answers requests.
func (f *Files) serve() {
	defer func() {
		_ = unix.Close(f.fd)
		close(f.closed)
	}()
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
		opcode := le.Uint32(request[4:])
		f.asked[opcode%uint32(len(f.asked))].Store(true)
		if f.silent(opcode) {
			f.waiting.Store(true)
			continue
		}
		out, errno := f.answer(opcode, request)
		head := le.AppendUint32(nil, uint32(16+len(out)))
		head = append(le.AppendUint32(head, uint32(-int32(errno))), request[8:16]...)
		_, _ = unix.Write(f.fd, append(head, out...))
	}
}

// answer returns the answer to a request.
func (f *Files) answer(opcode uint32, request []byte) (out []byte, errno unix.Errno) {
	le := binary.LittleEndian
	mode := f.Mode
	if mode == 0 {
		mode = unix.S_IFREG | 0o644
	}
	attributes := func(node uint64, mode uint32) {
		out = le.AppendUint64(out, node)
		out = le.AppendUint64(out, 100) // bytes
		out = append(out, make([]byte, 44)...)
		out = le.AppendUint32(out, mode)
		out = append(out, make([]byte, 12)...) // nlink, uid, gid
		out = le.AppendUint32(out, f.Rdev)
		out = append(out, make([]byte, 8)...)
	}
	switch opcode {
	case Init:
		out = le.AppendUint32(le.AppendUint32(nil, 7), 31)
		out = append(out, make([]byte, 56)...)
	case Lookup:
		if f.Missing {
			return nil, unix.ENOENT
		}
		const node = 2
		out = le.AppendUint64(nil, node)
		out = append(le.AppendUint64(out, 0), make([]byte, 24)...)
		attributes(node, mode)
	case Getattr:
		out = make([]byte, 16)
		if le.Uint64(request[16:]) == 1 {
			mode = unix.S_IFDIR | 0o755
		}
		attributes(le.Uint64(request[16:]), mode)
	case Open, Opendir:
		out = make([]byte, 16)
	case Flush, Release:
	case Ioctl:
		if f.Ioctl == nil {
			return nil, unix.ENOTTY
		}
		out = append(le.AppendUint32(nil, f.Ioctl(le.Uint32(request[52:]))), make([]byte, 12)...)
	default:
		return nil, unix.ENOSYS
	}
	return out, 0
}
