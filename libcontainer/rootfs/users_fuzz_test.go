package rootfs

import (
	"strconv"
	"strings"
	"testing"

	"rt/libcontainer/plan"
)

// FuzzUsers reads passwd files of images: a user has the ids and the home of the first line with the name or the id,
// and of no other line.
func FuzzUsers(f *testing.F) {
	f.Add("root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000::/home/user:/bin/sh\n", "user", uint32(1000))
	f.Add("a:x:+1:1\n:::\na:b", "a", uint32(1))
	f.Add(" user : x : 5 : 5 \nuser:x:4294967295:0:::\n", "user", uint32(0xffffffff))
	f.Add("u:x:5:5::"+strings.Repeat("h", plan.HomeSize)+":\nu:x:5:5::/ok:", "u", uint32(5))
	f.Fuzz(func(t *testing.T, file, name string, uid uint32) {
		if len(file) >= maxPasswdLine {
			return // lines that are too long are skipped: TestLongLines
		}
		fields := findEntry(strings.NewReader(file), name)
		var want []string
		home := ""
		for line := range strings.SplitSeq(file, "\n") {
			entry := strings.Split(strings.TrimSpace(line), ":")
			if want == nil && len(entry) >= 3 && entry[0] == name {
				want = entry
			}
			if home == "" && len(entry) > 5 && isDecimal(entry[2], uid) && !strings.Contains(entry[5], "\x00") &&
				len("HOME=")+len(entry[5]) < plan.HomeSize {
				home = entry[5]
			}
		}
		if (fields == nil) != (want == nil) {
			t.Fatalf("%q has %q: %q, not %q", file, name, fields, want)
		}
		for i := range min(len(fields), 4) {
			if string(fields[i]) != want[i] {
				t.Errorf("%q has %q: field %d is %q, not %q", file, name, i, fields[i], want[i])
			}
		}
		if id, ok := idField(fields, 2); ok && !isDecimal(want[2], id) {
			t.Errorf("%q is the id %d", want[2], id)
		}
		if got := homeOf(strings.NewReader(file), uid); got != home {
			t.Errorf("the home of %d in %q is %q, not %q", uid, file, got, home)
		}
	})
}

// isDecimal says whether a text is that number and nothing else.
func isDecimal(text string, id uint32) bool {
	return strings.TrimLeft(text, "0") == strings.TrimLeft(strconv.FormatUint(uint64(id), 10), "0") && text != ""
}
