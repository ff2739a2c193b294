#include "textflag.h"

// The prologue, which the assembler adds because of the frame, does all the work.
TEXT ·growStack(SB), 0, $60000-0
	RET
