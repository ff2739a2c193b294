package seccomp

import "golang.org/x/sys/unix"

// An assembler writes a program from its end to its start. BPF jumps only forward, so every target is known when the
// jump to it is written. A target that is more than 255 instructions away is reached through an intermediate jump. A
// target is the index of an instruction, counted from the end.
type assembler struct {
	code       []unix.SockFilter
	origin     []int32 // of each instruction: see Filter.origin
	nextOrigin int32   // origin of the instruction that is written next
	rets       []retAt
}

// A retAt is the nearest RET of a value, which later jumps share.
type retAt struct {
	value uint32
	at    int
}

// reach is the largest offset of a conditional jump: jt and jf are bytes.
const reach = 255

// originSearch is the origin of instructions that no entry of linux.seccomp.syscalls asked for.
const originSearch = -1

// emit writes an instruction and returns it as a target.
func (a *assembler) emit(i unix.SockFilter) int {
	a.code = append(a.code, i)
	a.origin = append(a.origin, a.nextOrigin)
	return len(a.code) - 1
}

// load writes a load of the word at an offset of struct seccomp_data into the accumulator.
func (a *assembler) load(offset uint32) int {
	return a.emit(unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: offset})
}

// and writes a conjunction of the accumulator with a mask.
func (a *assembler) and(mask uint32) int {
	return a.emit(unix.SockFilter{Code: unix.BPF_ALU | unix.BPF_AND | unix.BPF_K, K: mask})
}

// ret returns a target that is a RET of value. An existing one is shared as long as a jump can reach it with some room
// to spare.
func (a *assembler) ret(value uint32) int {
	for i := range a.rets {
		r := &a.rets[i]
		if r.value == value {
			if len(a.code)-r.at > reach-16 {
				r.at = a.writeRet(value)
			}
			return r.at
		}
	}
	at := a.writeRet(value)
	a.rets = append(a.rets, retAt{value, at})
	return at
}

// writeRet writes a RET of value.
func (a *assembler) writeRet(value uint32) int {
	return a.emit(unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: value})
}

// jump writes a jump to yes if the accumulator compares with k as op says (BPF_JEQ, BPF_JGE, BPF_JGT), else to no. If
// both are the same target it writes nothing and returns that.
func (a *assembler) jump(op uint16, k uint32, yes, no int) int {
	if yes == no {
		return yes
	}
	for { // an intermediate jump makes the other target more distant too
		if a.offset(yes) > reach {
			yes = a.writeTrampoline(yes)
		} else if a.offset(no) > reach {
			no = a.writeTrampoline(no)
		} else {
			break
		}
	}
	return a.emit(unix.SockFilter{
		Code: unix.BPF_JMP | op | unix.BPF_K, Jt: uint8(a.offset(yes)),
		Jf: uint8(a.offset(no)), K: k,
	})
}

// offset returns the distance from the next instruction to a target, in instructions.
func (a *assembler) offset(target int) int {
	return len(a.code) - target - 1
}

// writeTrampoline returns a near target that leads to a far one: a copy of its RET, or an unconditional jump, whose
// offset has 32 bits.
func (a *assembler) writeTrampoline(target int) int {
	if i := a.code[target]; i.Code == unix.BPF_RET|unix.BPF_K {
		at := a.writeRet(i.K)
		for j := range a.rets {
			if a.rets[j].value == i.K {
				a.rets[j].at = at
			}
		}
		return at
	}
	return a.emit(unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JA, K: uint32(a.offset(target))})
}

// fallThroughTo makes target the instruction that follows one that does not jump.
func (a *assembler) fallThroughTo(target int) {
	if a.offset(target) > 0 {
		a.writeTrampoline(target)
	}
}

// program returns the code in the order of execution.
func (a *assembler) program() ([]unix.SockFilter, []int32) {
	for i, j := 0, len(a.code)-1; i < j; i, j = i+1, j-1 {
		a.code[i], a.code[j] = a.code[j], a.code[i]
		a.origin[i], a.origin[j] = a.origin[j], a.origin[i]
	}
	return a.code, a.origin
}
