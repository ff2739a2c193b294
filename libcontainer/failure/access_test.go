package failure

import (
	"os"
	"strconv"
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
	const none, joined = -1, -2 // no user namespace, or one that exists already
	own := int64(self)
	decimal := func(n uint32) string { return strconv.FormatUint(uint64(n), 10) }
	for _, c := range []struct {
		directory, program os.FileMode // their modes
		uid, gid           uint32
		groups             []uint32
		capabilities       uint64
		mapped             int64  // the host's id of user 0 in a user namespace of 10 ids
		want               string // "" for no hint
	}{
		{0o700, 0o755, self + 1, group + 1, nil, 0, none, "/root may not be entered by user "},
		{0o700, 0o755, self, group, nil, 0, none, ""},
		{0o077, 0o755, self, group + 1, nil, 0, none, "its mode is 0077, its owner "},
		{0o710, 0o755, self + 1, group, nil, 0, none, ""},
		{0o710, 0o755, self + 1, group + 1, []uint32{group}, 0, none, ""},
		{0o701, 0o755, self + 1, group, nil, 0, none, "/root may not be entered"},
		{0o701, 0o755, self + 1, group + 1, nil, 0, none, ""},
		{0o700, 0o700, self + 1, group + 1, nil, search, none, "/root/bin/prog may not be executed by user "},
		{0o700, 0o700, self + 1, group + 1, nil, dac, none, ""},
		{0o700, 0o755, 0, 0, nil, 0, own + 1, "user 0, which is user " + decimal(self+1) + " of the host: its"},
		{0o700, 0o755, 0, 0, nil, dac, own + 1, "its owner " + decimal(self) + ", which linux.uidMappings does not"},
		{0o070, 0o755, 0, 0, nil, 0, own + 1, "/root may not be entered"},
		{0o701, 0o755, 0, 0, nil, 0, own + 1, ""},
		{0o700, 0o755, 0, 0, nil, 0, own, ""},
		{0o077, 0o755, 0, 0, nil, dac, own, ""},
		{0o077, 0o755, 0, 0, nil, 0, own, "its mode is 0077, its owner " + decimal(self)},
		{0o700, 0o755, 0, 0, nil, dac, joined, ""},
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
		switch c.mapped {
		case none:
		case joined:
			config.Namespaces.Join = []spec.Join{{Flag: unix.CLONE_NEWUSER}}
		default:
			config.Namespaces.New = unix.CLONE_NEWUSER
			config.UIDMappings = []specs.LinuxIDMapping{{HostID: uint32(c.mapped), Size: 10}}
			config.GIDMappings = []specs.LinuxIDMapping{{HostID: uint32(c.mapped-own) + group, Size: 10}}
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
