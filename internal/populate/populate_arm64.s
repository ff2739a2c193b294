#include "textflag.h"

// madvise is described in populate.go.
TEXT ·madvise(SB), NOSPLIT, $0-24
	MOVD start+0(FP), R0
	MOVD length+8(FP), R1
	MOVD advice+16(FP), R2
	MOVD $233, R8 // madvise(2)
	SVC
	RET
