package cgroup

import (
	"bytes"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/opencontainers/cgroups/systemd"
)

// matchesLine reports whether a line of the file has the wanted value.
func (g limitFiles) matchesLine(file, text, wanted string) bool {
	if strings.HasPrefix(file, "cpuset.") {
		return sameList(strings.TrimSpace(text), strings.TrimSpace(wanted))
	}
	want := strings.Fields(wanted)
	for line := range strings.Lines(text) {
		found := strings.Fields(line)
		if g.sameWords(file, want, found) {
			return true
		}
	}
	return false
}

// sameWords compares the words of a line. A line of io.max has all four rates of its device, one of which was written.
// A BFQ weight before Linux 5.4 lacks "default", and a written value may omit it.
func (g limitFiles) sameWords(file string, want, found []string) bool {
	switch {
	case file == "io.max":
		for _, w := range want {
			if !slices.Contains(found, w) {
				return false
			}
		}
		return true
	case strings.HasSuffix(file, "io.weight") || strings.HasSuffix(file, "bfq.weight"):
		return slices.Equal(withoutDefault(want), withoutDefault(found))
	case file == "cpu.max":
		return len(found) == 2 && (len(want) < 2 || want[1] == found[1]) && g.sameQuota(want[0], found[0], found[1])
	}
	if len(want) != len(found) {
		return false
	}
	for i, w := range want {
		if w != found[i] && !sameNumber(file, w, found[i]) {
			return false
		}
	}
	return true
}

// withoutDefault drops the word "default", which stands for all devices.
func withoutDefault(words []string) []string {
	if len(words) == 2 && words[0] == "default" {
		return words[1:]
	}
	return words
}

// sameQuota compares a quota, in microseconds. With systemd it is rounded up to a whole percent of the period, as in
// the unit.
func (g limitFiles) sameQuota(want, found, period string) bool {
	if want == found || g.driver != Systemd {
		return want == found
	}
	w, err1 := strconv.ParseInt(want, 10, 64)
	f, err2 := strconv.ParseInt(found, 10, 64)
	p, err3 := strconv.ParseInt(period, 10, 64)
	return err1 == nil && err2 == nil && err3 == nil && f >= w && f-w <= p/100+1
}

// sameNumber compares numbers; -1 and "max" mean no limit. The kernel rounds memory down to pages, for hugetlb of the
// size in the file's name, and treats values beyond its range as no limit.
func sameNumber(file, want, found string) bool {
	const unlimited = 1 << 62
	size := int64(1)
	switch file {
	case "memory.oom.group", "memory.oom_control", "memory.swappiness": // no sizes
	default:
		if strings.HasPrefix(file, "memory.") {
			size = int64(os.Getpagesize())
		}
	}
	if rest, ok := strings.CutPrefix(file, "hugetlb."); ok {
		page, _, _ := strings.Cut(rest, ".")
		size = bytesOf(strings.TrimSuffix(page, "B"))
	}
	w, f := bytesOf(want), bytesOf(found)
	if w < 0 || w >= unlimited {
		return f < 0 || f >= unlimited
	}
	return f >= 0 && f <= w && w-f < size
}

// bytesOf parses a number of bytes with the suffixes that the kernel takes (memparse); -1 for anything else, such as
// "max".
func bytesOf(text string) int64 {
	shift := 0
	if n := len(text); n > 0 {
		if i := strings.IndexByte("KMGT", text[n-1]&^0x20); i >= 0 {
			text, shift = text[:n-1], 10*(i+1)
		}
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 || n > 1<<62>>shift {
		return -1
	}
	return n << shift
}

// sameList compares lists of CPUs or memory nodes. The kernel writes their shortest form.
func sameList(a, b string) bool {
	if a == b {
		return true
	}
	x, err1 := systemd.RangeToBits(a)
	y, err2 := systemd.RangeToBits(b)
	return err1 == nil && err2 == nil && bytes.Equal(x, y)
}
