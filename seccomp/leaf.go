package seccomp

import (
	"slices"

	"golang.org/x/sys/unix"
)

// writeLeaf writes the rules of leaf l for architecture m, and returns the target that is their begin.
func (c *compiler) writeLeaf(l int32, m *architecture) int {
	if c.fixedTarget >= 0 && l != leafENOSYS {
		return c.fixedTarget
	}
	body := &c.set.leaves[l]
	next := c.asm.ret(body.rest)
	if len(body.rules) == 0 {
		return next
	}
	for i := range c.written {
		if w := &c.written[i]; w.leaf == l && w.narrow == m.narrow && w.audit == m.audit {
			return w.at
		}
	}
	for i := len(body.rules); i > 0; {
		j := i - 1
		for j > 0 && c.sameWord(body.rules[j-1], body.rules[i-1], m) {
			j--
		}
		if i-j > 1 {
			next = c.writeChoice(body.rules[j:i], m, next)
		} else {
			next = c.writeRule(&c.set.rules[body.rules[j]], m, next)
		}
		i = j
	}
	c.written = append(c.written, writtenLeaf{l, m.audit, m.narrow, next})
	return next
}

// writeRule writes one rule. otherwise is the target if one of its conditions does not hold.
func (c *compiler) writeRule(r *rule, m *architecture, otherwise int) int {
	c.asm.nextOrigin = r.origin
	then := c.asm.ret(r.ret)
	for i := len(r.conditions) - 1; i >= 0; i-- {
		then = c.writeCondition(&r.conditions[i], m, then, otherwise)
	}
	c.asm.nextOrigin = originSearch
	return then
}

// sameWord reports whether two rules compare the same argument with numbers of the same upper half, so that one load
// serves both.
func (c *compiler) sameWord(x, y int32, m *architecture) bool {
	a, b := c.set.rules[x].conditions, c.set.rules[y].conditions
	return len(a) == 1 && len(b) == 1 && a[0].op == opEQ && b[0].op == opEQ && a[0].arg == b[0].arg &&
		(m.narrow || a[0].value>>32 == b[0].value>>32)
}

// writeChoice writes rules for which sameWord holds: the halves are loaded once and then compared with each value.
func (c *compiler) writeChoice(rules []int32, m *architecture, otherwise int) int {
	next := otherwise
	for _, rule := range slices.Backward(rules) {
		r := &c.set.rules[rule]
		c.asm.nextOrigin = r.origin
		next = c.asm.jump(unix.BPF_JEQ, uint32(r.conditions[0].value), c.asm.ret(r.ret), next)
	}
	first := &c.set.rules[rules[0]].conditions[0]
	next = c.loadInto(m.argumentOffset(first.arg, false), next)
	if !m.narrow {
		next = c.asm.jump(unix.BPF_JEQ, uint32(first.value>>32), next, otherwise)
		next = c.loadInto(m.argumentOffset(first.arg, true), next)
	}
	c.asm.nextOrigin = originSearch
	return next
}

// loadInto loads a word of seccomp_data and continues at next.
func (c *compiler) loadInto(offset uint32, next int) int {
	c.asm.fallThroughTo(next)
	return c.asm.load(offset)
}

// writeCondition writes one comparison. BPF compares 32 bits, so the upper halves decide first, and the lower ones if
// those are equal.
func (c *compiler) writeCondition(x *condition, m *architecture, yes, no int) int {
	lower, upper := uint32(x.value), uint32(x.value>>32)
	op := uint16(unix.BPF_JEQ)
	switch x.op {
	case opEQ:
	case opMasked:
		return c.writeMasked(x, m, yes, no)
	case opNE:
		yes, no = no, yes
	case opGT:
		op = unix.BPF_JGT
	case opGE:
		op = unix.BPF_JGE
	case opLE:
		op, yes, no = unix.BPF_JGT, no, yes
	case opLT:
		op, yes, no = unix.BPF_JGE, no, yes
	}
	if lower == 0 && op == unix.BPF_JGE {
		// No unsigned number is below 0: the lower half always matches.
		if m.narrow {
			return yes
		}
		return c.loadInto(m.argumentOffset(x.arg, true), c.asm.jump(unix.BPF_JGE, upper, yes, no))
	}
	at := c.loadInto(m.argumentOffset(x.arg, false), c.asm.jump(op, lower, yes, no))
	if m.narrow {
		return at
	}
	at = c.asm.jump(unix.BPF_JEQ, upper, at, no)
	if op != unix.BPF_JEQ {
		at = c.asm.jump(unix.BPF_JGT, upper, yes, at)
	}
	return c.loadInto(m.argumentOffset(x.arg, true), at)
}

// writeMasked writes argument & mask == value. A half whose mask is 0 always matches.
func (c *compiler) writeMasked(x *condition, m *architecture, yes, no int) int {
	at := c.writeMaskedHalf(m.argumentOffset(x.arg, false), uint32(x.mask), uint32(x.value), yes, no)
	if m.narrow {
		return at
	}
	return c.writeMaskedHalf(m.argumentOffset(x.arg, true), uint32(x.mask>>32), uint32(x.value>>32), at, no)
}

// writeMaskedHalf writes the comparison of the half at an offset of struct seccomp_data.
func (c *compiler) writeMaskedHalf(offset, mask, value uint32, yes, no int) int {
	if mask == 0 {
		return yes
	}
	at := c.asm.jump(unix.BPF_JEQ, value&mask, yes, no)
	if mask != ^uint32(0) {
		c.asm.fallThroughTo(at)
		at = c.asm.and(mask)
	}
	return c.loadInto(offset, at)
}
