package spec

import "testing"

// A working directory may have to be made, name by name, and ".." is no name to make.
func TestCwdIsClean(t *testing.T) {
	s, err := Parse([]byte(`{"ociVersion": "1.3.0", "root": {"path": "rootfs"}, "process": {"args": ["a"],
		"cwd": "/data/../etc//x/", "user": {"uid": 0, "gid": 0}}}`), "/bundle", LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if s.Process.Cwd != "/etc/x" {
		t.Errorf("%q", s.Process.Cwd)
	}
}
