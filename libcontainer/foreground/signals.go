package foreground

import (
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// In the foreground rt forwards the signals it gets. The handler is a few instructions of assembly that send the signal
// to the pidfd of the process; a signal that comes before there is a process is held back for it.
//
// os/signal would be too slow: for every signal it wakes a goroutine and a thread, to change one mask. For all signals
// that is 460 futex(2) calls, which take longer than making the container.

// forwardTo is the pidfd that signals are sent to, or -1. The handler reads it.
var forwardTo int32 = -1

// forwardPending has a bit for every signal that came while forwardTo was -1. The handler sets it.
var forwardPending uint64

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

// CatchSignals installs the handler for all signals but those that concern rt itself: SIGCHLD is about rt's children,
// with SIGURG the Go runtime preempts its threads, SIGPIPE is about rt's output, SIGWINCH, SIGTTIN and SIGTTOU are
// about rt's terminal, and SIGSEGV and the like are faults of rt. SIGKILL and SIGSTOP can't be caught.
//
// A caught SIGTTOU would not end the call that caused it: for a background process the kernel sends it and restarts the
// call, forever (tcsetpgrp(3), tty_check_change in the kernel). rt stops instead, as every background job does that
// changes its terminal.
func CatchSignals() {
	const onStack, restart, hasRestorer = 0x08000000, 0x10000000, 0x04000000
	handler, restorer := handlerAddresses()
	action := sigaction{handler: handler, flags: onStack | restart | hasRestorer, restorer: restorer, mask: ^uint64(0)}
	var caught uint64
	for n := unix.Signal(1); n <= lastSignal; n++ {
		switch n {
		case unix.SIGCHLD,
			unix.SIGURG,
			unix.SIGPIPE,
			unix.SIGWINCH,
			unix.SIGTTIN,
			unix.SIGTTOU,
			unix.SIGKILL,
			unix.SIGSTOP,
			unix.SIGSEGV,
			unix.SIGBUS,
			unix.SIGFPE,
			unix.SIGILL,
			unix.SIGTRAP,
			unix.SIGSYS,
			unix.SIGPROF,
			32,
			33: // the C library's own
			continue
		}
		caught |= bit(n)
		// It fails for none of the remaining signals.
		_, _, _ = unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(n), uintptr(unsafe.Pointer(&action)), 0, 8, 0, 0)
	}
	unblock(caught)
}

// PassSignals forwards pending signals, and all later ones, to the process of pidfd.
func PassSignals(pidfd int) {
	atomic.StoreInt32(&forwardTo, int32(pidfd))
	kept := atomic.SwapUint64(&forwardPending, 0)
	for n := unix.Signal(1); kept != 0; n++ {
		if kept&1 != 0 {
			_ = unix.PidfdSendSignal(pidfd, n, nil, 0)
		}
		kept >>= 1
	}
}

// KeepSignals holds signals back again: the process has ended, and its pidfd will be closed.
func KeepSignals() { atomic.StoreInt32(&forwardTo, -1) }

// toldToEnd reports whether a signal that ends a program is pending.
func toldToEnd() bool {
	const ends = 1<<(unix.SIGHUP-1) | 1<<(unix.SIGINT-1) | 1<<(unix.SIGQUIT-1) | 1<<(unix.SIGTERM-1)
	return atomic.LoadUint64(&forwardPending)&ends != 0
}
