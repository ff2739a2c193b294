#include "textflag.h"

// The stub for arm64: see stub_amd64.s and doc.go.
//
//	R19  index of the step
//	R20  address of its row
//	R21  address of the registers
//	R22  how often EAGAIN may still mean: again
//	R23  which operands are registers
//	R24  address of the table, R25 size of a row, R26 address of the image

#define BASE      0x400000
#define CTL       0xf0
#define TABLE     0x400
#define REGISTERS 0x40400000
#define ROW       72

#define OPERAND(i, reg) \
	MOVD (24+8*i)(R20), reg  \
	TBZ  $i, R23, 2(PC)      \
	MOVD (R21)(reg<<3), reg

// func stub()
TEXT ·stub(SB), NOSPLIT|NOFRAME, $0-0
	MOVD ZR, R19
	MOVZ $(REGISTERS>>16), R21
	LSL  $16, R21, R21
	MOVZ $(BASE>>16), R26
	LSL  $16, R26, R26
	ADD  $TABLE, R26, R24
	MOVD $ROW, R25

step:
	MADD  R25, R24, R19, R20
	MOVBU 7(R20), R22
	MOVBU 4(R20), R23

again:
	OPERAND(0, R0)
	OPERAND(1, R1)
	OPERAND(2, R2)
	OPERAND(3, R3)
	OPERAND(4, R4)
	OPERAND(5, R5)
	MOVW  0(R20), R8
	MOVD  R8, R6
	TBNZ  $63, R8, fault
	SVC
	MOVD  R0, R6

fault:
	MOVBU 5(R20), R7
	MOVD  R6, (R21)(R7<<3)
	MOVW  20(R20), R7
	CMP   R7, R6
	BLT   failure
	MOVWU 12(R20), R19
	B     step

failure:
	NEG  R6, R9
	CMP  $0, R9
	BLE  short
	CMP  $11, R9              // EAGAIN
	BNE  errnos
	CBZ  R22, errnos
	SUB  $1, R22, R22
	B    again

short:
	MOVD $255, R9

errnos:
	MOVBU 8(R20), R7
	CMP   R7, R9
	BEQ   otherwise
	MOVBU 9(R20), R7
	CMP   R7, R9
	BEQ   otherwise
	MOVBU 10(R20), R7
	CMP   R7, R9
	BEQ   otherwise
	MOVBU 11(R20), R7
	CMP   R7, R9
	BEQ   otherwise

	// The end: report {failed, index, result} and exit.
	MOVD  RSP, R1
	SUB   $16, R1, R1
	MOVD  $1, R7
	MOVW  R7, 0(R1)
	MOVW  R19, 4(R1)
	MOVD  R6, 8(R1)
	MOVWU CTL(R26), R0
	MOVD  $16, R2
	MOVD  $64, R8             // write
	SVC
	MOVD  $1, R0
	MOVD  $94, R8             // exit_group
	SVC
	UNDEF

otherwise:
	MOVWU 16(R20), R19
	B     step

	// "stub end"
	WORD $0x62757473
	WORD $0x646e6520
	RET

// func stubAddress() uintptr
TEXT ·stubAddress(SB), NOSPLIT, $0-8
	MOVD $·stub(SB), R0
	MOVD R0, ret+0(FP)
	RET
