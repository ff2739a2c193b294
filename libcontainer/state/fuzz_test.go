package state

import (
	"fmt"
	"strings"
	"testing"
)

// FuzzStat has processes with names of their own choice, and other texts: a name changes nothing of what is read.
func FuzzStat(f *testing.F) {
	f.Add("sh", "12 (cat) S 5", 5, uint64(0x400000), 1, uint64(777))
	f.Add(") Z 1 (", "", -1, uint64(0), 0, uint64(1<<63))
	f.Add("two\nlines ) x", "1 () S", 1, uint64(4), 9, uint64(0))
	f.Fuzz(func(t *testing.T, name, text string, parent int, flags uint64, threads int, start uint64) {
		parseStat([]byte(text))
		line := fmt.Sprintf("12 (%s) S %d 1 1 0 -1 %d 1 2 3 4 5 6 7 8 20 0 %d 0 %d 1 1 0", name, parent, flags, threads,
			start)
		want := process{'S', parent, flags, threads, start}
		if got, ok := parseStat([]byte(line)); !ok || got != want {
			t.Errorf("%q: %+v, %v, want %+v", line, got, ok, want)
		}
		// What has no end of the name, or ends before the start time, is refused.
		short := strings.LastIndexByte(line, ')') + 1 + strings.Count(text, "x")%40
		if got, ok := parseStat([]byte(line[:min(short, len(line))])); ok {
			t.Errorf("%q: %+v", line[:short], got)
		}
	})
}
