package seccomp

import (
	"errors"
	"strconv"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rt/internal/diag"
)

// parseArgs returns linux.seccomp.syscalls[i].args as conditions.
func parseArgs(i int, args []specs.LinuxSeccompArg) (out []condition, err error) {
	if len(args) == 0 {
		return nil, nil
	}
	out = make([]condition, len(args))
	for j := range args {
		a := &args[j]
		field := entryPath(i) + ".args[" + strconv.Itoa(j) + "]"
		if a.Index > 5 {
			err = joinErrors(err, profileError(field+".index", strconv.FormatUint(uint64(a.Index), 10),
				"a call has the arguments 0 to 5"))
		}
		op := operator(0)
		for int(op) < len(operators) && operators[op] != a.Op {
			op++
		}
		if int(op) == len(operators) {
			err = joinErrors(err, profileError(field+".op", string(a.Op),
				"is not an operator: one of "+joinWords(Operators())))
			continue
		}
		out[j] = condition{arg: uint8(a.Index), op: op, value: a.Value}
		if op == opMasked { // value is the mask and valueTwo what must remain (config-linux.md#seccomp)
			out[j].mask, out[j].value = a.Value, a.ValueTwo
		}
	}
	return out, err
}

// findOutsideMask returns the index of a condition that asks for bits that its own mask clears, or -1.
func findOutsideMask(list []condition) int {
	for i := range list {
		if c := &list[i]; c.op == opMasked && c.value&^c.mask != 0 {
			return i
		}
	}
	return -1
}

// entryPath returns the path of an entry: "linux.seccomp.syscalls[2]".
func entryPath(i int) string {
	return "linux.seccomp.syscalls[" + strconv.Itoa(i) + "]"
}

// setDefaultField corrects the field of an error about the default action, whose errno has a property of its own.
func setDefaultField(err error, p *specs.LinuxSeccomp) error {
	if e, ok := errors.AsType[*diag.Error](err); ok {
		e.Field = "linux.seccomp.defaultAction"
		if e.Value != string(p.DefaultAction) {
			e.Field = "linux.seccomp.defaultErrnoRet"
		}
	}
	return err
}
