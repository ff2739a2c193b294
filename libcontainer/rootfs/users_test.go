package rootfs

import (
	"strings"
	"testing"
)

// TestEntryOf looks names up in files that the container has written.
func TestEntryOf(t *testing.T) {
	const id = 2
	for _, c := range []struct {
		file string
		want int64
	}{
		{"root:x:0:0::/root:/bin/sh\nweb:x:1000:33::/srv:\n", 1000},
		{"web:x:5\n", 5},
		{"webber:x:6:6\nxweb:x:7:7\n", -1},
		{"web:x\nweb:x:8:8\n", 8}, // a line with too few fields is none
		{"web:x:+0:0\n", -1},
		{"web:x:-1:0\n", -1},
		{"web:x::0\n", -1},
		{"web:x:4294967295:0\n", -1},
		{"web:x:4294967296:0\n", -1},
		{strings.Repeat("x", 1<<20) + "\nweb:x:9:9", 9},
		{"", -1},
	} {
		got := int64(-1)
		if n, ok := idField(findEntry(strings.NewReader(c.file), "web"), id); ok {
			got = int64(n)
		}
		if got != c.want {
			t.Errorf("%.40q: %d, want %d", c.file, got, c.want)
		}
	}
}
