package spec

import "testing"

// TestCleanDirectory: what changes nothing is gone, and the parent of what may be a symbolic link is not.
func TestCleanDirectory(t *testing.T) {
	for dirty, want := range map[string]string{
		"/":                 "/",
		"/.//..":            "/",
		"/../etc/./x//":     "/etc/x",
		"/data/../etc//x/":  "/data/../etc/x",
		"/data/link/../..":  "/data/link/../..",
		"/...":              "/...",
		"/../../etc/..data": "/etc/..data",
	} {
		s, err := Parse([]byte(`{"ociVersion": "1.3.0", "root": {"path": "rootfs"}, "process": {"args": ["a"],
			"cwd": "`+dirty+`", "user": {"uid": 0, "gid": 0}}}`), "/bundle", LoadOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if s.Process.Cwd != want {
			t.Errorf("%q became %q, want %q", dirty, s.Process.Cwd, want)
		}
	}
}
