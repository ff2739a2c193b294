// Package nsenter is the boot of a container: it turns a program (a list of steps, each one system call) into a tiny
// static executable, starts it, and reads its reports.
//
// [Assemble] and [Spawn] run in rt. The stub (stub_ARCH.s) runs in the boot process, the process that becomes the
// container, and is the only code of rt that ever does. The package knows steps, not containers: it makes no decision,
// it has no default, and the boot process makes no system call that the program does not contain. Assemble refuses a
// program that could not run: a jump backwards, a register read before it is written, a string with a NUL byte.
//
// # The image
//
// A boot image is an ELF executable (elf(5)) with a fixed address, mapped as it is:
//
//	0x400000    ELF header, three program headers
//	0x4000f0    u32: the number of the descriptor to report on
//	0x400100    the stub
//	0x400400    the table: a row of 72 bytes for each step
//	behind it   strings and structures, in which all addresses are filled in
//	0x40400000  three writable pages: 255 registers of 8 bytes, then scratch memory
//
// A row:
//
//	 0  i32     number of the system call; a negative one is a fault: it is the result, and no call is made
//	 4  u8      bit i is set: operand i is not a value but the number of a register
//	 5  u8      register that keeps the result
//	 6  u8      unused
//	 7  u8      how often the call is repeated after EAGAIN
//	 8  u8[4]   errnos that lead to "else"; 0 is none, 255 stands for a result from 0 to least-1
//	12  u32     then: the row to continue with after a success
//	16  u32     else: the row to continue with after one of the errnos
//	20  i32     least: a result below it is a failure
//	24  u64[6]  operands
//
// # The stub
//
// It starts at row 0 and repeats: load the operands, make the call, store the result, choose the next row. A failure
// that no errno of its row names ends it: it writes a report and exits with status 1. It has no stack frame and no data
// of its own, makes no call but those of the table and the last two (write, exit_group), and jumps only forward in the
// table, so it ends after at most as many steps as there are rows, each repeated at most 255 times.
//
// # Reports
//
// The control channel is a SOCK_SEQPACKET socket. A report is one message:
//
//	 0  u32  1: a step failed; 2: a sync point, for which the next row waits; 3: a trace, without an answer
//	 4  u32  index of the row
//	 8  i64  result of the failed step, or the register that the sync point reports
//	16       traces only: two struct timespec of CLOCK_MONOTONIC, when the step began and ended
//
// A sync point is an ordinary writev(2) row. If the supervisor has to answer, an ordinary read(2) row of at least one
// byte follows: when the supervisor has died the read returns 0 bytes, so its boot process ends too. All descriptors of
// rt in the boot process are close-on-exec: the end of the channel without a report tells the supervisor that execve(2)
// succeeded.
//
// # Why no exec between clone and id maps
//
// A process whose ids are not mapped loses all capabilities in its new user namespace when it executes a program
// (user_namespaces(7)). So a user namespace is never made by Spawn, which executes the image, but by a clone3(2) row.
package nsenter
