#include "textflag.h"

// The handler of forwarded signals: see signals.go and signals_amd64.s.
//
// func forwardSignal()
TEXT ·forwardSignal(SB), NOSPLIT|NOFRAME, $0-0
	MOVD  R0, R1                   // the signal
	MOVD  $·forwardTo(SB), R4
	MOVW  (R4), R0
	TBNZ  $31, R0, keep
	MOVD  ZR, R2
	MOVD  ZR, R3
	MOVD  $424, R8                 // pidfd_send_signal
	SVC
	RET

keep:
	SUB   $1, R1, R1
	MOVD  $1, R5
	LSL   R1, R5, R5
	MOVD  $·forwardPending(SB), R4

again:
	LDAXR (R4), R6
	ORR   R5, R6, R6
	STLXR R6, (R4), R7
	CBNZW R7, again
	RET

// func returnSignal()
TEXT ·returnSignal(SB), NOSPLIT|NOFRAME, $0-0
	MOVD $139, R8                  // rt_sigreturn
	SVC
	UNDEF

// func handlerAddresses() (handler, restorer uintptr)
TEXT ·handlerAddresses(SB), NOSPLIT, $0-16
	MOVD $·forwardSignal(SB), R0
	MOVD R0, handler+0(FP)
	MOVD $·returnSignal(SB), R0
	MOVD R0, restorer+8(FP)
	RET
