#include "textflag.h"

// The stub: the only code of rt that runs inside a container. It walks the table of steps; doc.go has its ABI.
//
// Go's assembler makes the bytes, and image.go copies them into the boot image, where they run without Go. They use the
// stack only to report a failure, and write no memory but the registers.
//
//	BX   index of the step
//	R12  address of its row
//	R13  address of the registers
//	R14  how often EAGAIN may still mean: again
//	R15  which operands are registers

#define BASE      0x400000    // image.go: loadAddress
#define CTL       0x4000f0    // image.go: ctlOffset
#define TABLE     0x400400    // image.go: tableOffset
#define REGISTERS 0x40400000  // image.go: registerAddress
#define ROW       72          // image.go: rowSize

// operand i is an immediate, or the register of that number if bit i of R15 is set.
#define OPERAND(i, reg) \
	MOVQ (24+8*i)(R12), reg \
	BTL  $i, R15            \
	JCC  2(PC)              \
	MOVQ (R13)(reg*8), reg

// func stub()
TEXT ·stub(SB), NOSPLIT|NOFRAME, $0-0
	XORL BX, BX
	MOVL $REGISTERS, R13

step:
	IMUL3Q  $ROW, BX, R12
	ADDQ    $TABLE, R12
	MOVBLZX 7(R12), R14
	MOVBLZX 4(R12), R15

again:
	OPERAND(0, DI)
	OPERAND(1, SI)
	OPERAND(2, DX)
	OPERAND(3, R10)
	OPERAND(4, R8)
	OPERAND(5, R9)
	MOVLQSX 0(R12), AX
	TESTQ   AX, AX
	JMI     result             // a fault: the number is the result
	SYSCALL

result:
	MOVBLZX 5(R12), CX
	MOVQ    AX, (R13)(CX*8)
	MOVLQSX 20(R12), CX
	CMPQ    AX, CX
	JLT     failure
	MOVL    12(R12), BX
	JMP     step

failure:
	MOVQ AX, CX
	NEGQ CX
	JLE  short
	CMPL CX, $11               // EAGAIN
	JNE  errnos
	SUBL $1, R14
	JCC  again
	JMP  errnos

short:
	MOVL $255, CX              // a result that is no error and less than wanted

errnos:
	CMPB CX, 8(R12)
	JEQ  otherwise
	CMPB CX, 9(R12)
	JEQ  otherwise
	CMPB CX, 10(R12)
	JEQ  otherwise
	CMPB CX, 11(R12)
	JEQ  otherwise

	// The end: report {failed, index, result} and exit.
	MOVL $1, -16(SP)
	MOVL BX, -12(SP)
	MOVQ AX, -8(SP)
	MOVL CTL, DI
	LEAQ -16(SP), SI
	MOVL $16, DX
	MOVL $1, AX                // write
	SYSCALL
	MOVL $1, DI
	MOVL $231, AX              // exit_group
	SYSCALL
	UNDEF

otherwise:
	MOVL 16(R12), BX
	JMP  step

	// The end of the stub, for image.go to find: "stub end".
	BYTE $0x73; BYTE $0x74; BYTE $0x75; BYTE $0x62
	BYTE $0x20; BYTE $0x65; BYTE $0x6e; BYTE $0x64
	RET

// func stubAddress() uintptr
TEXT ·stubAddress(SB), NOSPLIT, $0-8
	LEAQ ·stub(SB), AX
	MOVQ AX, ret+0(FP)
	RET
