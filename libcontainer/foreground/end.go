package foreground

import (
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// endSignals are the signals that end a program. While rt creates a container, they end its waits, and rt undoes its
// changes.
var endSignals = [...]unix.Signal{unix.SIGHUP, unix.SIGINT, unix.SIGQUIT, unix.SIGTERM}

// CatchEnd catches endSignals, for TakeEnd, until the returned function is called. Signals that rt's caller ignores
// stay ignored.
func CatchEnd() (restore func()) {
	const onStack, restart, hasRestorer, ignored = 0x08000000, 0x10000000, 0x04000000, 1
	handler, restorer := handlerAddresses()
	action := sigaction{handler: handler, flags: onStack | restart | hasRestorer, restorer: restorer, mask: ^uint64(0)}
	var before [len(endSignals)]sigaction
	set := func(n unix.Signal, to, old *sigaction) {
		_, _, _ = unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(n), uintptr(unsafe.Pointer(to)),
			uintptr(unsafe.Pointer(old)), 8, 0, 0)
	}
	for i, n := range endSignals {
		set(n, nil, &before[i])
		if before[i].handler != ignored {
			set(n, &action, nil)
		}
	}
	return func() {
		for i, n := range endSignals {
			set(n, &before[i], nil)
		}
	}
}

// TakeEnd reports whether one of endSignals is pending, and clears it: one signal ends one wait.
func TakeEnd() bool {
	var ends uint64
	for _, n := range endSignals {
		ends |= bit(n)
	}
	return atomic.LoadUint64(&forwardPending)&ends != 0 && atomic.AndUint64(&forwardPending, ^ends)&ends != 0
}
