package seccomp

import (
	"errors"
	"strconv"

	"golang.org/x/sys/unix"
)

// Call is what the kernel shows a filter of a system call: struct seccomp_data without the instruction pointer.
type Call struct {
	Audit  uint32 // AUDIT_ARCH_*
	Number uint32
	Args   [6]uint64
}

// Trace is one run of a program.
type Trace struct {
	Return uint32 // SECCOMP_RET_*
	Steps  int    // instructions executed
	At     int    // index of the RET
	// ReadsArgs says that the answer depends on arguments, so that the kernel can't cache it (Linux 5.11,
	// seccomp_cache_prepare).
	ReadsArgs bool
}

// Eval runs a program on an imagined call as net/core/filter.c and kernel/seccomp.c would, for the instructions that
// compilers of seccomp filters use. big says that the machine is big-endian. An error means that the kernel would not
// have loaded the program.
func Eval(prog []unix.SockFilter, big bool, call *Call) (Trace, error) {
	data := encodeCall(call, big)
	var t Trace
	var acc uint32
	for pc := 0; pc < len(prog); pc++ {
		i := &prog[pc]
		t.Steps++
		switch i.Code {
		case unix.BPF_LD | unix.BPF_W | unix.BPF_ABS:
			if i.K%4 != 0 || i.K/4 >= uint32(len(data)) {
				return t, errors.New("instruction " + strconv.Itoa(pc) + " loads outside of seccomp_data")
			}
			t.ReadsArgs = t.ReadsArgs || i.K >= 8
			acc = data[i.K/4]
		case unix.BPF_ALU | unix.BPF_AND | unix.BPF_K:
			acc &= i.K
		case unix.BPF_JMP | unix.BPF_JA:
			pc += int(i.K)
		case unix.BPF_RET | unix.BPF_K:
			t.Return, t.At = i.K, pc
			return t, nil
		default:
			yes, ok := compare(i, acc)
			if !ok {
				return t, errors.New("instruction " + strconv.Itoa(pc) + " has an unknown code")
			}
			if yes {
				pc += int(i.Jt)
			} else {
				pc += int(i.Jf)
			}
		}
	}
	return t, errors.New("the program runs past its end")
}

// compare returns the result of a conditional jump; ok is false if i is none.
func compare(i *unix.SockFilter, acc uint32) (yes, ok bool) {
	switch i.Code {
	case unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K:
		return acc == i.K, true
	case unix.BPF_JMP | unix.BPF_JGT | unix.BPF_K:
		return acc > i.K, true
	case unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K:
		return acc >= i.K, true
	case unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K:
		return acc&i.K != 0, true
	}
	return false, false
}

// encodeCall returns struct seccomp_data as the machine's 32-bit words, in the order of memory.
func encodeCall(call *Call, big bool) [16]uint32 {
	d := [16]uint32{offNumber / 4: call.Number, offArch / 4: call.Audit}
	for i, v := range call.Args {
		first, second := uint32(v), uint32(v>>32)
		if big {
			first, second = second, first
		}
		d[4+2*i], d[5+2*i] = first, second
	}
	return d
}
