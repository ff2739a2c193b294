package engine

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"rt/tests/ownmounts"
	"rt/tests/silentfs"
)

// TestPidFileLinkToASilentServer has a pid file that is a symbolic link into a file system whose server does not answer
// look-ups: another user may have made it. It is replaced like a link that leads nowhere, and a link to a FIFO that the
// server shows is refused like any link to one.
func TestPidFileLinkToASilentServer(t *testing.T) {
	if !ownmounts.Run(t, "true") {
		return
	}
	for _, c := range []struct {
		name    string
		files   *silentfs.Files
		refused bool
	}{
		{
			"no answer",
			&silentfs.Files{Silent: func(opcode uint32) bool { return opcode == silentfs.Lookup }}, false,
		},
		{"a FIFO", &silentfs.Files{Mode: unix.S_IFIFO | 0o666}, true},
	} {
		dir, volume := t.TempDir(), t.TempDir()
		if err := c.files.Mount(0, volume); errors.Is(err, silentfs.ErrNoFUSE) {
			t.Skip(err)
		} else if err != nil {
			t.Fatal(err)
		}
		defer c.files.End()
		path := filepath.Join(dir, "pid")
		if err := os.Symlink(filepath.Join(volume, "file"), path); err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() { done <- SendPid(os.Getpid(), "", path) }()
		const longEnough = time.Minute
		select {
		case err := <-done:
			if c.refused != (err != nil) {
				t.Errorf("%s: %v", c.name, err)
			}
		case <-time.After(longEnough):
			t.Fatalf("%s: rt waits for the server", c.name)
		}
		text, err := os.Readlink(path)
		if c.refused != (err == nil) {
			t.Errorf("%s: the link is now %q, %v", c.name, text, err)
		}
		if c.refused {
			continue
		}
		if pid, err := os.ReadFile(path); err != nil || string(pid) != strconv.Itoa(os.Getpid()) {
			t.Errorf("%s: the pid file has %q, %v", c.name, pid, err)
		}
	}
}
