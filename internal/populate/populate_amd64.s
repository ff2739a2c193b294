#include "textflag.h"

// madvise is described in populate.go.
TEXT ·madvise(SB), NOSPLIT, $0-24
	MOVQ start+0(FP), DI
	MOVQ length+8(FP), SI
	MOVQ advice+16(FP), DX
	MOVQ $28, AX // madvise(2)
	SYSCALL
	RET
