package cgroup

// instruction is one of eBPF (bpf(2), and in the kernel's Documentation bpf/standardization/instruction-set.rst).
// The registers share a byte, destination in the low half: so on little-endian machines, which all are that rt is built for.
type instruction struct {
	op   uint8
	regs uint8
	off  int16
	imm  int32
}

// The operations that a device filter is made of. The 32-bit forms clear the upper half of the register.
const (
	opLoad  = 0x61 // dst = *(u32 *)(src + off)
	opMove  = 0xbc // dst = src
	opSet   = 0xb4 // dst = imm
	opAnd   = 0x54 // dst &= imm
	opShift = 0x74 // dst >>= imm
	opJump  = 0x05 // skip off instructions
	opOther = 0x56 // skip off instructions if dst != imm
	opMeets = 0x46 // skip off instructions if dst & imm is not 0
	opExit  = 0x95 // return r0
)

// The registers of a device filter. r1 points to the question, a struct bpf_cgroup_dev_ctx (bpf.h).
const (
	regVerdict  = 0
	regQuestion = 1
	regKind     = 2
	regAccess   = 3 // what is asked for and not decided yet
	regMajor    = 4
	regMinor    = 5
)

// deviceFilter compiles rules into a program of type BPF_PROG_TYPE_CGROUP_DEVICE, which the kernel asks at every mknod(2) and open(2) of a
// device: 1 allows, 0 denies. It looks at the rules from the last to the first, and each decides about those accesses it
// speaks of that no later one has decided about. So "in order, the last one wins" holds for every access by itself, and for
// every list of rules, where v1 can express only exceptions to a default.
func deviceFilter(rules []rule) []instruction {
	p := []instruction{
		{op: opLoad, regs: regKind | regQuestion<<4, off: 0},
		{op: opMove, regs: regAccess | regKind<<4},
		{op: opAnd, regs: regKind, imm: 0xffff}, // low half: BPF_DEVCG_DEV_*
		{op: opShift, regs: regAccess, imm: 16}, // high half: BPF_DEVCG_ACC_*
		{op: opLoad, regs: regMajor | regQuestion<<4, off: 4},
		{op: opLoad, regs: regMinor | regQuestion<<4, off: 8},
	}
	for i := len(rules) - 1; i >= 0; i-- {
		p = append(p, ruleCode(rules[i])...)
		if rules[i].kind == 'a' {
			return p
		}
	}
	return append(p, verdict(false)...)
}

// ruleCode is the code of one rule. It falls through if the rule does not decide the question.
func ruleCode(r rule) []instruction {
	var body []instruction
	switch {
	case r.kind == 'a' || r.access == allAccess:
		body = verdict(r.allow)
	case r.allow:
		body = append(body,
			instruction{op: opAnd, regs: regAccess, imm: int32(^r.access & allAccess)},
			instruction{op: opOther, regs: regAccess, imm: 0, off: 2})
		body = append(body, verdict(true)...)
	default:
		body = append(body,
			instruction{op: opMeets, regs: regAccess, imm: int32(r.access), off: 1},
			instruction{op: opJump, off: 2})
		body = append(body, verdict(false)...)
	}
	var tests []instruction
	switch r.kind {
	case 'b':
		tests = append(tests, instruction{op: opOther, regs: regKind, imm: 1}) // BPF_DEVCG_DEV_BLOCK
	case 'c':
		tests = append(tests, instruction{op: opOther, regs: regKind, imm: 2}) // BPF_DEVCG_DEV_CHAR
	}
	if r.major != anyNumber {
		tests = append(tests, instruction{op: opOther, regs: regMajor, imm: int32(uint32(r.major))})
	}
	if r.minor != anyNumber {
		tests = append(tests, instruction{op: opOther, regs: regMinor, imm: int32(uint32(r.minor))})
	}
	// A test that fails skips the tests after it and the body.
	for i := range tests {
		tests[i].off = int16(len(tests) - 1 - i + len(body))
	}
	return append(tests, body...)
}

// verdict returns from the program.
func verdict(allow bool) []instruction {
	v := instruction{op: opSet, regs: regVerdict}
	if allow {
		v.imm = 1
	}
	return []instruction{v, {op: opExit}}
}
