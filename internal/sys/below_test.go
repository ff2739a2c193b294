package sys

import "testing"

func TestBelow(t *testing.T) {
	for _, tc := range []struct {
		path, dir, rest string
		ok              bool
	}{
		{"/proc", "/proc", "", true},
		{"/proc/sys/kernel", "/proc", "sys/kernel", true},
		{"/proc/sys/kernel", "/proc/sys", "kernel", true},
		{"/proc/sysrq-trigger", "/proc/sys", "", false}, // a name that begins alike is another one
		{"/process", "/proc", "", false},
		{"/pros", "/proc", "", false},
		{"/pro", "/proc", "", false},
		{"/proc", "/proc/sys", "", false},
		{"/proc", "/", "proc", true},
		{"/", "/", "", true},
		{"/", "/proc", "", false},
		{"/a/../b", "/a/..", "b", true}, // text, nothing else
		{"", "/proc", "", false},
	} {
		rest, ok := Below(tc.path, tc.dir)
		if ok != tc.ok || ok && rest != tc.rest {
			t.Errorf("Below(%q, %q) = %q, %v, want %q, %v", tc.path, tc.dir, rest, ok, tc.rest, tc.ok)
		}
	}
}
