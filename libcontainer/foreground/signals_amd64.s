#include "textflag.h"

// The handler of forwarded signals: see signals.go. It runs on the signal stack of the thread that the kernel
// selects, where no Go code may run.
//
// func forwardSignal()
TEXT ·forwardSignal(SB), NOSPLIT|NOFRAME, $0-0
	MOVL DI, SI                    // the signal
	MOVL ·forwardTo(SB), DI
	TESTL DI, DI
	JLT  keep
	XORL DX, DX                    // as kill(2) would send it
	XORL R10, R10
	MOVL $424, AX                  // pidfd_send_signal
	SYSCALL
	RET

keep:
	SUBL $1, SI
	LOCK
	BTSQ SI, ·forwardPending(SB)
	RET

// func returnSignal()
TEXT ·returnSignal(SB), NOSPLIT|NOFRAME, $0-0
	MOVL $15, AX                   // rt_sigreturn
	SYSCALL
	UNDEF

// func handlerAddresses() (handler, restorer uintptr)
TEXT ·handlerAddresses(SB), NOSPLIT, $0-16
	LEAQ ·forwardSignal(SB), AX
	MOVQ AX, handler+0(FP)
	LEAQ ·returnSignal(SB), AX
	MOVQ AX, restorer+8(FP)
	RET
