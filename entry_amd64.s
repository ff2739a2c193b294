#include "textflag.h"

// entry is described in entry.go. The kernel leaves argc, argv, nil, envp, nil and the auxiliary vector on the stack.
// Moving argc, argv and their nil down by one word makes room for one variable in front of the others.
TEXT ·entry(SB), NOSPLIT|NOFRAME|TOPFRAME, $0
	MOVQ (SP), CX
	LEAQ 16(SP)(CX*8), AX
	MOVQ $0x4f525058414d4f47, DX // "GOMAXPRO"

next:
	MOVQ (AX), BX
	TESTQ BX, BX
	JZ absent
	CMPQ (BX), DX
	JEQ start
	ADDQ $8, AX
	JMP next

absent:
	MOVQ SP, SI
	SUBQ $8, SP
	MOVQ SP, DI
	ADDQ $2, CX
	CLD
	REP
	MOVSQ
	LEAQ ·oneProcessor(SB), AX
	MOVQ AX, (DI)

start:
	LEAQ runtime·text(SB), DI
	LEAQ runtime·erodata(SB), SI
	ANDQ $~4095, DI
	SUBQ DI, SI
	MOVQ $22, DX // MADV_POPULATE_READ
	MOVQ $28, AX // madvise(2)
	SYSCALL
	MOVQ ·memProfileRate(SB), AX
	MOVQ $0, (AX)
	JMP _rt0_amd64_linux(SB)

DATA ·oneProcessor+0(SB)/8, $"GOMAXPRO"
DATA ·oneProcessor+8(SB)/8, $"CS=01\x00\x00\x00"
GLOBL ·oneProcessor(SB), RODATA|NOPTR, $16
