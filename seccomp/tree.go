package seccomp

import (
	"slices"

	"golang.org/x/sys/unix"
)

// A span is a run of call numbers that end in the same leaf: from start to the start of the next span.
type span struct {
	start  uint32
	leaf   int32
	weight int32 // how often its calls are made, roughly: the sum of their weights
	m      *architecture
}

// Weights of a call in the search tree.
const (
	weightCall = 4  // a call that some rule names
	weightHot  = 16 // one of hot
)

// appendSpan adds a span, or widens the last one.
func appendSpan(list []span, s span) []span {
	if n := len(list); n > 0 {
		last := &list[n-1]
		if last.leaf == s.leaf && last.m.narrow == s.m.narrow {
			last.weight += s.weight
			return list
		}
		if last.start == s.start {
			// The span before turned out empty.
			*last = s
			return list
		}
	}
	return append(list, s)
}

// spans appends the spans of m's own numbers. The last one is open: up to the end, or up to the next architecture that
// shares the space.
func (c *compiler) spans(list []span, m *architecture) []span {
	last, known := c.newestNumber(m)
	next := uint32(0)
	if m.base == x32Bit {
		next = x32Bit
	}
	for _, k := range order[m.column][:callCount[m.column]] {
		nr, _ := m.number(int(k))
		if !known || nr > last {
			break
		}
		if nr > next {
			list = appendSpan(list, span{next, leafDefault, 1, m})
		}
		s := span{nr, c.leafOf(int(k), m), 1, m}
		if s.leaf != leafDefault {
			s.weight = weightCall
			if c.hot[k] {
				s.weight = weightHot
			}
		}
		list = appendSpan(list, s)
		next = nr + 1
	}
	tail := int32(leafDefault)
	if known && !isPermissive(c.set.defaultReturn) {
		tail = leafENOSYS
	}
	return appendSpan(list, span{next, tail, 1, m})
}

// leafOf returns the leaf of call k on m.
func (c *compiler) leafOf(k int, m *architecture) int32 {
	if m.mux {
		switch k {
		case idxSocketcall:
			return c.set.socketcall
		case idxIpc:
			return c.set.ipc
		}
	}
	return c.set.leafOf[k]
}

// newestNumber returns the largest number on m of a call that the profile names. Whoever wrote the profile did not know
// the calls above it: their answer is ENOSYS, after which glibc uses an older call, and not the EPERM of a default
// action, after which it gives up (runc issue 2151). Calls below it are the author's decision.
func (c *compiler) newestNumber(m *architecture) (uint32, bool) {
	list := order[m.column][:callCount[m.column]]
	for _, l := range slices.Backward(list) {
		k := int(l)
		if c.set.named[k] || c.leafOf(k, m) != leafDefault {
			nr, _ := m.number(k)
			return nr, true
		}
	}
	return 0, false
}

// writeTree writes the search in s, and returns the target that is its begin.
func (c *compiler) writeTree(s []span) int {
	if len(s) == 1 {
		return c.writeLeaf(s[0].leaf, s[0].m)
	}
	if len(s) == 3 && s[0].leaf == s[2].leaf && s[2].start == s[1].start+1 && s[0].m.narrow == s[2].m.narrow {
		outside := c.writeLeaf(s[0].leaf, s[0].m)
		return c.asm.jump(unix.BPF_JEQ, s[1].start, c.writeLeaf(s[1].leaf, s[1].m), outside)
	}
	at := cutPoint(s)
	upper := c.writeTree(s[at:])
	lower := c.writeTree(s[:at])
	return c.asm.jump(unix.BPF_JGE, s[at].start, upper, lower)
}

// cutPoint returns the index at which to cut s so that the weights of both parts differ least.
func cutPoint(s []span) int {
	total := int32(0)
	for i := range s {
		total += s[i].weight
	}
	at, left, best := 1, int32(0), total+1
	for i := 1; i < len(s); i++ {
		left += s[i-1].weight
		if d := abs(total - 2*left); d < best {
			at, best = i, d
		}
	}
	return at
}

// abs returns the absolute value of n.
func abs(n int32) int32 {
	if n < 0 {
		return -n
	}
	return n
}
