package failure

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/spec"
)

// TestProgramHint has programs that can't be executed, and what is said of them.
func TestProgramHint(t *testing.T) {
	root, bound := t.TempDir(), t.TempDir()
	elf := make([]byte, 64)
	copy(elf, "\x7fELF\x02\x01\x01")
	foreign := append([]byte{}, elf...)
	foreign[18] = 22 // s390x, of which no machine here is one
	wild := append([]byte{}, elf...)
	copy(wild[32:], strings.Repeat("\xff", 28))
	for name, content := range map[string]string{
		"script": "#!/bin/nothing -e\necho\n", "dos": "#!/bin/sh\r\necho\r\n", "empty": "", "text": "echo hi\n",
		"elf": string(foreign), "wild": string(wild), "plain": "#!/bin/text\n", "short": "#!",
	} {
		write(t, filepath.Join(root, "bin", name), content)
	}
	write(t, filepath.Join(bound, "prog"), "#!/bin/nothing\n")
	if err := unix.Mkfifo(filepath.Join(root, "bin", "fifo"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/bin/fifo", filepath.Join(root, "bin", "link")); err != nil {
		t.Fatal(err)
	}
	mounts := []spec.Mount{
		{Destination: "/data", Bind: true, Source: bound, AttrSet: unix.MOUNT_ATTR_NOEXEC},
		{Destination: "/tmp", Type: "tmpfs", AttrSet: unix.MOUNT_ATTR_NOEXEC},
		{Destination: "/srv", Bind: true, Source: bound},
	}
	for _, c := range []struct {
		arg   string
		errno unix.Errno
		want  string // "" for no hint
	}{
		{"/bin", unix.EACCES, "names a directory"},
		{"/bin/script", unix.ENOENT, `not its interpreter "/bin/nothing", which its #! line`},
		{"/bin/plain", unix.ENOENT, `its interpreter "/bin/text" are there`},
		{"/bin/dos", unix.ENOENT, "end with CR LF"},
		{"/bin/short", unix.ENOEXEC, "names no interpreter"},
		{"/bin/empty", unix.ENOEXEC, "is empty"},
		{"/bin/text", unix.ENOEXEC, "script without a first line"},
		{"/bin/text", unix.EACCES, "no execute bit"},
		{"/bin/elf", unix.ENOEXEC, "is an ELF for s390x, and this machine is "},
		{"/bin/wild", unix.ENOEXEC, ""},
		{"/bin/fifo", unix.ENOENT, "no regular file"},
		{"/bin/link", unix.ENOENT, "no regular file"},
		{"/data/prog", unix.EACCES, "mounts[0] is mounted noexec"},
		{"/tmp/prog", unix.EACCES, "mounts[1] is mounted noexec"},
		{"/srv/prog", unix.ENOENT, "not its interpreter"},
		{"/nothing", unix.ENOENT, ""},
		{"/data/../../../../../../../../../etc/passwd", unix.ENOENT, ""},
		{"sh -c true", unix.ENOENT, "one word with spaces"},
		{"script", unix.ENOENT, "not its interpreter"},
	} {
		config := &spec.Spec{Rootfs: root, Mounts: mounts, OCI: &specs.Spec{}, Process: &spec.Process{
			Args: []string{c.arg}, Cwd: "/", Env: []string{"PATH=/sbin:/bin"},
		}}
		hint := programHint(&diag.Error{Errno: c.errno}, config)
		if c.want == "" && hint != "" || !strings.Contains(hint, c.want) {
			t.Errorf("%s, %v: %q", c.arg, c.errno, hint)
		}
		// Engines look for these words: see TestHintsMeanNothingToEngines.
		for _, word := range []string{
			"permission denied", "no such file", "not found", "is a directory",
			"does not exist",
		} {
			if strings.Contains(hint, word) {
				t.Errorf("%s: %q in %q", c.arg, word, hint)
			}
		}
	}
	none := &spec.Spec{Rootfs: root, OCI: &specs.Spec{}, Process: &spec.Process{Args: []string{"sh"}, Cwd: "/"}}
	if hint := programHint(&diag.Error{Errno: unix.ENOENT}, none); !strings.Contains(hint, "no PATH") {
		t.Errorf("without PATH: %q", hint)
	}
}

func write(t *testing.T, file, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}
