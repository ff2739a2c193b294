package seccomp

import "github.com/opencontainers/runtime-spec/specs-go"

// An operator is a way to compare an argument with a value.
type operator uint8

const (
	opNE operator = iota
	opLT
	opLE
	opEQ
	opGE
	opGT
	opMasked
)

// operators are the words of linux.seccomp.syscalls[].args[].op, in the order of the constants.
var operators = [...]specs.LinuxSeccompOperator{
	opNE: specs.OpNotEqual, opLT: specs.OpLessThan, opLE: specs.OpLessEqual, opEQ: specs.OpEqualTo,
	opGE: specs.OpGreaterEqual, opGT: specs.OpGreaterThan, opMasked: specs.OpMaskedEqual,
}

// A condition is an argument, an operator and a value; mask is used by opMasked alone.
type condition struct {
	arg         uint8
	op          operator
	value, mask uint64
}

// holds reports whether an argument satisfies the condition. It is the definition that the compiled code is tested
// against.
func (c *condition) holds(arg uint64, narrow bool) bool {
	value, mask := c.value, c.mask
	if narrow {
		arg, value, mask = arg&0xffffffff, value&0xffffffff, mask&0xffffffff
	}
	switch c.op {
	case opNE:
		return arg != value
	case opLT:
		return arg < value
	case opLE:
		return arg <= value
	case opEQ:
		return arg == value
	case opGE:
		return arg >= value
	case opGT:
		return arg > value
	case opMasked:
		return arg&mask == value&mask
	}
	panic("seccomp: condition without an operator")
}

// Operators returns the words that linux.seccomp.syscalls[].args[].op may have.
func Operators() []string {
	out := make([]string, len(operators))
	for i := range operators {
		out[i] = string(operators[i])
	}
	return out
}
