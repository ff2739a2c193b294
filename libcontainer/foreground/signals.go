package foreground

import (
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// In the foreground rt forwards the signals that it gets. The handler is a few instructions of assembly that send the
// signal to the pidfd of the process. A signal that arrives before the process exists stays pending.
//
// os/signal would be too slow: for each signal it wakes a goroutine and a thread to change one mask. For all signals
// these are 460 futex(2) calls, which take longer than the creation of the container.

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

// CatchSignals installs the handler for all signals except those that concern rt itself: SIGCHLD is about rt's
// children, with SIGURG the Go runtime preempts its threads, SIGPIPE is about rt's output, SIGWINCH, SIGTTIN and
// SIGTTOU are about rt's terminal, and SIGSEGV and similar signals are faults of rt. SIGKILL and SIGSTOP can't be
// caught.
//
// A caught SIGTTOU would not end the call that has caused it: for a background process the kernel sends the signal and
// restarts the call, forever (tcsetpgrp(3), tty_check_change in the kernel). Uncaught, it stops rt, like any background
// job that changes its terminal.
func CatchSignals() {
	const onStack, restart, hasRestorer = 0x08000000, 0x10000000, 0x04000000
	handler, restorer := handlerAddresses()
	action := sigaction{handler: handler, flags: onStack | restart | hasRestorer, restorer: restorer, mask: ^uint64(0)}
	var caught uint64
	for n := unix.Signal(1); n <= lastSignal; n++ {
		switch n {
		case unix.SIGCHLD, unix.SIGURG, unix.SIGPIPE, unix.SIGWINCH, unix.SIGTTIN, unix.SIGTTOU, unix.SIGKILL,
			unix.SIGSTOP, unix.SIGSEGV, unix.SIGBUS, unix.SIGFPE, unix.SIGILL, unix.SIGTRAP, unix.SIGSYS,
			unix.SIGPROF, 32, 33: // 32 and 33 are those of C libraries (signal(7))
			continue
		}
		caught |= bit(n)
		// The call fails for none of the remaining signals.
		_, _, _ = unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(n), uintptr(unsafe.Pointer(&action)), 0, 8, 0, 0)
	}
	unblock(caught)
}

// PassSignals forwards pending signals, and all later ones, to the process of pidfd.
func PassSignals(pidfd int) {
	atomic.StoreInt32(&forwardTo, int32(pidfd))
	pending := atomic.SwapUint64(&forwardPending, 0)
	for n := unix.Signal(1); pending != 0; n++ {
		if pending&1 != 0 {
			_ = unix.PidfdSendSignal(pidfd, n, nil, 0)
		}
		pending >>= 1
	}
}

// KeepSignals ends the forwarding: the process has ended, and its pidfd will be closed. Later signals stay pending.
func KeepSignals() { atomic.StoreInt32(&forwardTo, -1) }

// endPending reports whether one of endSignals is pending.
func endPending() bool {
	const ends = 1<<(unix.SIGHUP-1) | 1<<(unix.SIGINT-1) | 1<<(unix.SIGQUIT-1) | 1<<(unix.SIGTERM-1)
	return atomic.LoadUint64(&forwardPending)&ends != 0
}
