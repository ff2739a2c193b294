package foreground

import (
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

const lastSignal = 64

// bit returns the bit of a signal in a sigset_t.
func bit(n unix.Signal) uint64 { return 1 << (n - 1) }

// Inherited returns the signals that rt's caller ignores and blocks, as sigset_t. Both survive execve(2), so a child of
// rt would ignore and block them too. Signals for which the Go runtime has a handler are not ignored.
func Inherited() (ignored, blocked uint64) {
	const ignore = 1 // SIG_IGN
	var action sigaction
	for n := unix.Signal(1); n <= lastSignal; n++ {
		_, _, errno := unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(n), 0, uintptr(unsafe.Pointer(&action)), 8, 0, 0)
		if errno == 0 && action.handler == ignore {
			ignored |= bit(n)
		}
	}
	return ignored, blockedSignals()
}

// blockedSignals returns the signals that this thread blocks, which are those that rt's caller blocks.
func blockedSignals() (set uint64) {
	_, _, _ = unix.RawSyscall6(unix.SYS_RT_SIGPROCMASK, unix.SIG_BLOCK, 0, uintptr(unsafe.Pointer(&set)), 8, 0, 0)
	return set
}

// unblock unblocks the signals of set in one thread of rt. In the Go runtime all threads block what the caller blocks,
// so these signals would stay pending. If none is blocked it costs one system call.
func unblock(set uint64) {
	if blockedSignals()&set == 0 {
		return
	}
	ready := make(chan struct{})
	go func() {
		runtime.LockOSThread()
		_, _, _ = unix.RawSyscall6(unix.SYS_RT_SIGPROCMASK, unix.SIG_UNBLOCK, uintptr(unsafe.Pointer(&set)), 0, 8, 0, 0)
		close(ready)
		for {
			_, _ = unix.Poll(nil, -1)
		}
	}()
	<-ready
}
