package nsenter

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// Step is one line of a program: a system call, and what its outcome means.
//
// A result of at least Min (zero unless set) is a success: it is stored in To, and the program continues at step Then.
// A failure with one of Errnos continues at step Else. Any other failure ends the boot process, which reports the index
// of the step and the result first. Then and Else are indices of later steps; zero means the next one, so a step with
// Errnos and without Else ignores these errnos.
type Step struct {
	Call   Call
	To     Reg
	Again  uint8 // how often the call is repeated after EAGAIN
	Part   uint8 // the heading under which `rt plan` prints the step: an index into Program.Parts
	Min    int32 // the least result that is a success
	Args   []Arg
	Errnos Errnos
	Then   int32
	Else   int32
	Number int32 // the number under which the plan prints the step, from 1; 0 is its index plus 1

	Origin   string      // the path in config.json that this step serves: "mounts[2].options"; "" if rt needs it itself
	Sentence string      // for people; printed, never parsed
	Sync     *SyncDetail // the sync point at which this step reports; nil for all others

	// Fault, if not zero, is what the step yields instead of making its call: see WithFault.
	Fault unix.Errno
}

// SyncDetail are the fields that only sync points need.
type SyncDetail struct {
	Point SyncPoint
	Path  string   // the path of the container that the sync point is about; "" if it is about none
	Does  []string // what the supervisor does at this sync point, in order, for people
}

// Does returns what the supervisor does at the step, in order; nil if it is no sync point.
func (s *Step) Does() []string {
	if s.Sync == nil {
		return nil
	}
	return s.Sync.Does
}

// SyncPoint is the meaning of a report: what the step tells the supervisor, or asks of it. The package that compiles
// programs defines the type; for this package it is a name.
type SyncPoint interface{ String() string }

// Short stands in Step.Errnos for a result that is no error and still less than Step.Min. The kernel has no such errno.
const Short = unix.Errno(255)

// Reg is a register: a variable of the boot process with the result of a step, for later steps.
type Reg uint8

// Errnos are at most four errnos, each in a byte; zeroes stand for none. Short stands for a result from 0 to Min-1.
type Errnos struct{ list [4]uint8 }

// ErrnosOf returns a set of errnos. It panics if they are more than four.
func ErrnosOf(list ...unix.Errno) (e Errnos) {
	for i, errno := range list {
		e.list[i] = uint8(errno)
	}
	return e
}

// Any reports whether there is an errno in e.
func (e Errnos) Any() bool { return e != Errnos{} }

// Has reports whether errno is in e.
func (e Errnos) Has(errno unix.Errno) bool {
	for _, k := range e.list {
		if k != 0 && unix.Errno(k) == errno {
			return true
		}
	}
	return false
}

// All returns the errnos in e.
func (e Errnos) All() (list []unix.Errno) {
	for _, k := range e.list {
		if k != 0 {
			list = append(list, unix.Errno(k))
		}
	}
	return list
}

// Nowhere is the register of results that no step reads.
const Nowhere Reg = 0

// MaxReg is the number of registers, including Nowhere.
const MaxReg = 255

// FD is a descriptor whose number is fixed when the image is assembled: an index into Program.FDs.
type FD int

// Program is a list of steps, and the names of what the steps use.
type Program struct {
	Steps []Step
	Parts []string // the headings of the parts that Step.Part is an index into; nil if the program is never printed
	Regs  []string // names of the registers, for people; Regs[0] is Nowhere's
	FDs   []string // names of the fixed descriptors; they get the numbers FirstFD, FirstFD+1, ...
	// FirstFD is the number of the first of them: 3, and more if descriptors are preserved for the user's program.
	FirstFD int
	// Ctl is the descriptor on which the stub reports.
	Ctl FD
}

// Number returns the number that a fixed descriptor has in the boot process.
func (p *Program) Number(fd FD) int { return p.FirstFD + int(fd) }

// Part returns the heading of the part that step i belongs to.
func (p *Program) Part(i int) string { return p.Parts[p.Steps[i].Part] }

// argKind says how an operand gets its value.
type argKind uint8

const (
	argImm     argKind = iota // a number
	argReg                    // the value of a register when the step runs
	argFD                     // the number of a fixed descriptor
	argString                 // the address of a NUL-terminated string
	argData                   // the address of bytes, which may hold addresses themselves
	argVec                    // the address of a NULL-terminated array of strings
	argScratch                // an address in the scratch memory
	argReport                 // the address of two iovecs: the head of a report and a register
	argTrace                  // the address of three iovecs: the same, and the two times in the scratch memory
)

// Arg is one operand of a step. The functions below return one: Imm, Flags, Val and so on. A plan has a thousand of
// them, so it is three words: what at points to depends on kind, and only the three methods that follow look there.
type Arg struct {
	kind argKind
	val  uint64 // of a string its length
	at   unsafe.Pointer
}

// names returns how to print the value of a number, if it is a set of flags or one of several words; nil otherwise.
func (a *Arg) names() *Names {
	if a.kind != argImm {
		return nil
	}
	return (*Names)(a.at)
}

// text returns the string that an argString points to.
func (a *Arg) text() string { return unsafe.String((*byte)(a.at), int(a.val)) }

// more returns what an argData or argVec points to.
func (a *Arg) more() *argMore {
	if a.kind != argData && a.kind != argVec {
		return nil
	}
	return (*argMore)(a.at)
}

// argMore are the fields that only operands with structures and arrays need.
type argMore struct {
	bytes string   // of data
	vec   []string // of a vector
	last  *Arg     // of a vector: one more string, at an address
	refs  []Ref
	text  string                   // how to print data
	show  func(data string) string // returns the same, called only when it is printed
}

// Ref is a position in the bytes of Data that holds the value of another operand.
type Ref struct {
	Offset int
	Size   int // 4 or 8
	Arg    Arg
}

// Imm is an immediate operand: a number, which prints in decimal.
func Imm[T ~int | ~int32 | ~int64 | ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~uintptr](v T) Arg {
	return Arg{kind: argImm, val: uint64(v)}
}

// Flags is a number that prints as words of names.
func Flags[T ~int | ~int32 | ~int64 | ~uint32 | ~uint64 | ~uintptr](names *Names, v T) Arg {
	return Arg{kind: argImm, val: uint64(v), at: unsafe.Pointer(names)}
}

// Val is the value of a register.
func Val(r Reg) Arg { return Arg{kind: argReg, val: uint64(r)} }

// Num is the number of a fixed descriptor. It prints as the name of the descriptor.
func Num(fd FD) Arg { return Arg{kind: argFD, val: uint64(fd)} }

// Str is the address of a NUL-terminated string.
func Str(s string) Arg {
	return Arg{kind: argString, val: uint64(len(s)), at: unsafe.Pointer(unsafe.StringData(s))}
}

// Data is the address of the bytes of s, in which each of refs is filled in; text is how it prints.
func Data(s, text string, refs ...Ref) Arg {
	return Arg{kind: argData, at: unsafe.Pointer(&argMore{bytes: s, text: text, refs: refs})}
}

// LazyData is Data whose text is made when it is printed: by show, from the bytes of s.
func LazyData(s string, show func(data string) string) Arg {
	return Arg{kind: argData, at: unsafe.Pointer(&argMore{bytes: s, show: show})}
}

// Vec is the address of a NULL-terminated array of strings: argv or envp.
func Vec(v []string) Arg { return Arg{kind: argVec, at: unsafe.Pointer(&argMore{vec: v})} }

// VecAnd is Vec with one more string after those of v. last is the operand with its address, whose content the image
// does not have. text is printed for it.
func VecAnd(v []string, text string, last Arg) Arg {
	return Arg{kind: argVec, at: unsafe.Pointer(&argMore{vec: v, last: &last, text: text})}
}

// Scratch is an address in the scratch memory, ScratchSize bytes that start as zeroes.
func Scratch(offset int) Arg { return Arg{kind: argScratch, val: uint64(offset)} }

// ReportOf is the address of the two iovecs of a report whose value is register r: the second operand of writev(2) at a
// sync point.
func ReportOf(r Reg) Arg { return Arg{kind: argReport, val: uint64(r)} }

// TraceOf is the address of the three iovecs of a trace: ReportOf, and the two struct timespec at the start of the
// scratch memory.
func TraceOf(r Reg) Arg { return Arg{kind: argTrace, val: uint64(r)} }

// Null is a null pointer.
var Null = Arg{kind: argImm, at: unsafe.Pointer(&nullName)}

// Cwd is AT_FDCWD as an operand.
var Cwd = Arg{kind: argImm, val: atFdcwd, at: unsafe.Pointer(&cwdName)}

const atFdcwd = ^uint64(99) // -100

// Traces reports whether the step reports the result and the times of another one: writev(2) of a TraceOf.
func (s *Step) Traces() bool { return s.Call == Writev && s.has(argTrace) }

// Reports reports whether the step sends a report that is no trace: ReportOf.
func (s *Step) Reports() bool { return s.has(argReport) }

// has reports whether the step has an operand of a kind.
func (s *Step) has(kind argKind) bool {
	for i := range s.Args {
		if s.Args[i].has(kind) {
			return true
		}
	}
	return false
}

// has reports whether the operand, or one in its data, is of a kind.
func (a *Arg) has(kind argKind) bool {
	if a.kind == kind {
		return true
	}
	if a.kind != argData {
		return false
	}
	refs := a.more().refs
	for i := range refs {
		if refs[i].Arg.has(kind) {
			return true
		}
	}
	return false
}

// WithFault returns a copy of p whose step i fails with errno and makes no call, for tests and experiments.
func (p *Program) WithFault(i int, errno unix.Errno) *Program {
	c := *p
	c.Steps = append([]Step(nil), p.Steps...)
	c.Steps[i].Fault = errno
	return &c
}
