package failure

import (
	"os"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/spec"
)

// TestAccessHint has a program whose mode, or that of a directory above it, excludes the user of the process.
func TestAccessHint(t *testing.T) {
	root := t.TempDir()
	const name = "/root/bin/prog"
	write(t, root+name, "x")
	for _, dir := range []string{"/", "/root/bin"} {
		if err := os.Chmod(root+dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	self, group := uint32(os.Getuid()), uint32(os.Getgid())
	const dac, search = 1 << unix.CAP_DAC_OVERRIDE, 1 << unix.CAP_DAC_READ_SEARCH
	for _, c := range []struct {
		directory, program os.FileMode // their modes
		uid, gid           uint32
		groups             []uint32
		capabilities       uint64
		user               bool   // in a user namespace
		want               string // "" for no hint
	}{
		{0o700, 0o755, self + 1, group + 1, nil, 0, false, "/root may not be entered by user "},
		{0o700, 0o755, self, group, nil, 0, false, ""},
		{0o077, 0o755, self, group + 1, nil, 0, false, "its mode is 0077, its owner "},
		{0o710, 0o755, self + 1, group, nil, 0, false, ""},
		{0o710, 0o755, self + 1, group + 1, []uint32{group}, 0, false, ""},
		{0o701, 0o755, self + 1, group, nil, 0, false, "/root may not be entered"},
		{0o701, 0o755, self + 1, group + 1, nil, 0, false, ""},
		{0o700, 0o700, self + 1, group + 1, nil, search, false, "/root/bin/prog may not be executed by user "},
		{0o700, 0o700, self + 1, group + 1, nil, dac, false, ""},
		{0o700, 0o755, self + 1, group + 1, nil, 0, true, ""},
	} {
		for _, err := range []error{
			os.Chmod(root+"/root", 0o700), os.Chmod(root+name, c.program), os.Chmod(root+"/root", c.directory),
		} {
			if err != nil {
				t.Fatal(err)
			}
		}
		config := &spec.Spec{Rootfs: root, OCI: &specs.Spec{}, Process: &spec.Process{
			Args: []string{name}, Cwd: "/", UID: c.uid, GID: c.gid, Groups: c.groups,
			Capabilities: &spec.Capabilities{Effective: c.capabilities},
		}}
		if c.user {
			config.Namespaces.New = unix.CLONE_NEWUSER
		}
		hint := programHint(&diag.Error{Errno: unix.EACCES}, config)
		if self != 0 && c.directory&0o100 == 0 {
			continue // this user can't look either
		}
		if c.want == "" && hint != "" || !strings.Contains(hint, c.want) {
			t.Errorf("%o, %o, user %d of %d: %q", c.directory, c.program, c.uid, self, hint)
		}
	}
}
