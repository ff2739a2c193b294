#include "textflag.h"

// entry is described in entry.go. The kernel leaves argc, argv, nil, envp, nil and the auxiliary vector on the stack.
// Moving argc, argv and their nil down by two words, as the stack has to be aligned, makes room for one variable, which
// is there twice, in front of the others.
TEXT ·entry(SB), NOSPLIT|NOFRAME|TOPFRAME, $0
	MOVD (RSP), R0
	ADD $16, RSP, R1
	ADD R0<<3, R1, R1            // envp
	MOVD $0x4f525058414d4f47, R3 // "GOMAXPRO"
	MOVD R1, R4

next:
	MOVD (R4), R5
	CBZ R5, absent
	MOVD (R5), R6
	CMP R3, R6
	BEQ start
	ADD $8, R4
	B next

absent:
	MOVD RSP, R2
	SUB $16, RSP
	MOVD RSP, R7

copy:
	MOVD (R2), R5
	MOVD R5, (R7)
	ADD $8, R2
	ADD $8, R7
	CMP R1, R2
	BNE copy
	MOVD $·oneProcessor(SB), R5
	MOVD R5, (R7)
	MOVD R5, 8(R7)

start:
	MOVD $runtime·text(SB), R0
	MOVD $runtime·erodata(SB), R1
	AND $~4095, R0
	SUB R0, R1
	MOVD $22, R2  // MADV_POPULATE_READ
	MOVD $233, R8 // madvise(2)
	SVC
	MOVD ·memProfileRate(SB), R0
	MOVD ZR, (R0)
	B _rt0_arm64_linux(SB)

DATA ·oneProcessor+0(SB)/8, $"GOMAXPRO"
DATA ·oneProcessor+8(SB)/8, $"CS=01\x00\x00\x00"
GLOBL ·oneProcessor(SB), RODATA|NOPTR, $16
