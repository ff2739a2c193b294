package foreground

import (
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// In the foreground rt passes on signals that come to it. The handler is a few instructions of assembly that send the signal on to the pidfd of the
// process; a signal that comes before there is one is kept for it.
//
// os/signal would do, at a price: for every signal it wakes a goroutine, and that a thread, to change one mask. For all signals that is 460 futex(2)
// calls, which take longer than making the container.

// forwardTo is the pidfd that signals go to, or -1. The handler reads it.
var forwardTo int32 = -1

// forwardKept has a bit for every signal that came while forwardTo was -1. The handler sets it.
var forwardKept uint64

func forwardSignal()
func returnSignal()
func handlerAddresses() (handler, restorer uintptr)

// sigaction is the kernel's struct sigaction (rt_sigaction(2)) on amd64 and arm64.
type sigaction struct {
	handler  uintptr
	flags    uint64
	restorer uintptr
	mask     uint64
}

// CatchSignals installs the handler for all signals but those that mean rt itself: SIGCHLD tells of rt's children, SIGURG is what the Go runtime
// preempts its threads with, SIGPIPE is about rt's own output, SIGWINCH, SIGTTIN and SIGTTOU are about rt's own terminal; SIGKILL and SIGSTOP can't be
// caught, and the faults are faults.
//
// A caught SIGTTOU would not even end the call that it is about: in the background the kernel sends it, and begins the call again, for ever
// (tcsetpgrp(3), tty_check_change in the kernel). rt stops instead, as every program does that wants the terminal of a job in front of it.
func CatchSignals() {
	const onStack, restart, hasRestorer = 0x08000000, 0x10000000, 0x04000000
	handler, restorer := handlerAddresses()
	action := sigaction{handler: handler, flags: onStack | restart | hasRestorer, restorer: restorer, mask: ^uint64(0)}
	var caught uint64
	for n := unix.Signal(1); n <= lastSignal; n++ {
		switch n {
		case unix.SIGCHLD, unix.SIGURG, unix.SIGPIPE, unix.SIGWINCH, unix.SIGTTIN, unix.SIGTTOU, unix.SIGKILL, unix.SIGSTOP,
			unix.SIGSEGV, unix.SIGBUS, unix.SIGFPE, unix.SIGILL, unix.SIGTRAP, unix.SIGSYS, unix.SIGPROF,
			32, 33: // the C library's own
			continue
		}
		caught |= bit(n)
		// It fails for no signal that is left.
		_, _, _ = unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(n), uintptr(unsafe.Pointer(&action)), 0, 8, 0, 0)
	}
	unblock(caught)
}

// PassSignals sends what was kept, and from now on everything, to the process of pidfd.
func PassSignals(pidfd int) {
	atomic.StoreInt32(&forwardTo, int32(pidfd))
	kept := atomic.SwapUint64(&forwardKept, 0)
	for n := unix.Signal(1); kept != 0; n++ {
		if kept&1 != 0 {
			_ = unix.PidfdSendSignal(pidfd, n, nil, 0)
		}
		kept >>= 1
	}
}

// KeepSignals keeps signals again: the process is gone, and its pidfd will be closed.
func KeepSignals() { atomic.StoreInt32(&forwardTo, -1) }

// toldToEnd reports whether a signal that ends a program has been kept.
func toldToEnd() bool {
	const ends = 1<<(unix.SIGHUP-1) | 1<<(unix.SIGINT-1) | 1<<(unix.SIGQUIT-1) | 1<<(unix.SIGTERM-1)
	return atomic.LoadUint64(&forwardKept)&ends != 0
}
