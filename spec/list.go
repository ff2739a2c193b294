package spec

import (
	"iter"
	"strconv"
	"strings"
)

// checkList checks a list of CPUs or memory nodes: numbers and ranges with commas between them, "0-3,7" (cpuset(7),
// List format). The empty list is valid.
func (c *checker) checkList(at location, s string) {
	if s == "" {
		return
	}
	for part := range strings.SplitSeq(s, ",") {
		first, last, isRange := strings.Cut(part, "-")
		a, ok := parseIndex(first)
		b := a
		if isRange && ok {
			b, ok = parseIndex(last)
		}
		switch {
		case !ok:
			c.refuse(at, s, `must be numbers and ranges with commas between them, such as "0-3,7"`)
			return
		case b < a:
			c.refuse(at, s, "has a range that runs backwards, "+part)
			return
		}
	}
}

// parseIndex parses the number of a CPU or a node, and reports whether it is one.
func parseIndex(s string) (uint64, bool) {
	n, err := strconv.ParseUint(s, 10, 16)
	return n, err == nil && s[0] != '+'
}

// Numbers yields the numbers of a list of CPUs or memory nodes such as "0-3,7". The list is one that has been checked.
func Numbers(list string) iter.Seq[int] {
	return func(yield func(int) bool) {
		for part := range strings.SplitSeq(list, ",") {
			first, last, isRange := strings.Cut(part, "-")
			if !isRange {
				last = first
			}
			from, _ := strconv.Atoi(first)
			to, _ := strconv.Atoi(last)
			for n := from; n <= to; n++ {
				if !yield(n) {
					return
				}
			}
		}
	}
}
