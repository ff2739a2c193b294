package seccomp

import (
	"strconv"
	"strings"
)

// Difference is a system call to which two filters give different answers.
type Difference struct {
	Call string // of the native architecture
	A, B string // the answer of each, in words
}

// Differences returns the native calls to which two filters of one machine give different answers, in the order of
// their names. Calls that neither profile names are represented by one row with the default actions: that some of them
// are answered ENOSYS, because they are newer than all that a profile names, is no decision of its author.
func Differences(a, b *Filter) []Difference {
	var list []Difference
	if da, db := ActionText(a.set.defaultReturn), ActionText(b.set.defaultReturn); da != db {
		list = append(list, Difference{"(calls that no entry names)", da, db})
	}
	for k := range nameCount {
		nr, ok := a.archs[0].number(k)
		if !ok || a.set.leafOf[k] == leafDefault && b.set.leafOf[k] == leafDefault {
			continue
		}
		if ta, tb := a.describe(k, nr), b.describe(k, nr); ta != tb {
			list = append(list, Difference{nameAt(k), ta, tb})
		}
	}
	return list
}

// returnFor returns what the program returns for a call with arguments 0.
func (f *Filter) returnFor(nr uint32) uint32 {
	t, err := Eval(f.Prog, f.archs[0].big, &Call{Audit: f.archs[0].audit, Number: nr})
	if err != nil {
		return f.set.defaultReturn
	}
	return t.Return
}

// describe returns what the filter does with call k, whose number is nr, in words.
func (f *Filter) describe(k int, nr uint32) string {
	l := f.set.leafOf[k]
	if l == leafDefault {
		return ActionText(f.returnFor(nr)) // ENOSYS, if it is newer than all that the profile names
	}
	body := &f.set.leaves[l]
	var text []string
	for _, r := range body.rules {
		rule := &f.set.rules[r]
		var conditions []string
		for i := range rule.conditions {
			conditions = append(conditions, rule.conditions[i].text())
		}
		text = append(text, ActionText(rule.ret)+" if "+strings.Join(conditions, " and "))
	}
	rest := ActionText(body.rest)
	if len(text) > 0 {
		rest = "else " + rest
	}
	return strings.Join(append(text, rest), ", ")
}

// text returns a condition in the syntax of C.
func (c *condition) text() string {
	arg := "args[" + strconv.Itoa(int(c.arg)) + "]"
	value := func(n uint64) string {
		if n < 10 { // the same in both forms
			return strconv.FormatUint(n, 10)
		}
		return "0x" + strconv.FormatUint(n, 16)
	}
	if c.op == opMasked {
		return arg + " & " + value(c.mask) + " == " + value(c.value)
	}
	return arg + " " + [...]string{opNE: "!=", opLT: "<", opLE: "<=", opEQ: "==", opGE: ">=", opGT: ">"}[c.op] + " " +
		value(c.value)
}
