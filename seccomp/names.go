package seccomp

//go:generate go run ./gen -o table.go $HEADERS

// multiplexedCall is a call that socketcall(2) or ipc(2) carries.
type multiplexedCall struct {
	name     uint16 // its index in the tables
	carrier  uint16 // the index of socketcall or ipc
	selector uint16 // the first argument of the carrier, which selects the call
}

// lookup returns the index of a call's name in the tables, or -1. The hash is FNV-1a, and gen lays out the table:
// nothing is built at start.
func lookup(name string) int {
	h := uint32(2166136261)
	for i := range len(name) {
		h = (h ^ uint32(name[i])) * 16777619
	}
	for s := h >> (32 - hashBits); slots[s] != 0; s = (s + 1) % (1 << hashBits) {
		if i := int(slots[s] - 1); nameAt(i) == name {
			return i
		}
	}
	return -1
}

// nameAt returns the name of call i of the tables.
func nameAt(i int) string {
	return names[nameStart[i]:nameStart[i+1]]
}

// number returns the number of call i on a, as in seccomp_data.nr.
func (a *architecture) number(i int) (uint32, bool) {
	n := uint32(numbers[a.column][i])
	switch {
	case n == absent:
		return 0, false
	case n >= privateBase: // __ARM_NR_BASE, the only numbers that 16 bits can't hold
		return n - privateBase + 0xf0000, true
	}
	return n + a.base, true
}

// nameOf returns the name of a number on a; "" if no call has it.
func (a *architecture) nameOf(nr uint32) string {
	list := order[a.column][:callCount[a.column]]
	lo, hi := 0, len(list)
	for lo < hi {
		mid := (lo + hi) / 2
		if n, _ := a.number(int(list[mid])); n < nr {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo < len(list) {
		if n, _ := a.number(int(list[lo])); n == nr {
			return nameAt(int(list[lo]))
		}
	}
	return ""
}
