package inspect

import (
	"errors"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"rt/tests/ownmounts"
	"rt/tests/silentfs"
)

// TestMountFlagsOfASilentServer has a file system that answers look-ups and no statfs(2), which rt used before Linux
// 5.12 for the flags of a mount.
func TestMountFlagsOfASilentServer(t *testing.T) {
	if !ownmounts.Run(t, "true") {
		return
	}
	dir := t.TempDir()
	f := &silentfs.Files{}
	if err := f.Mount(0, dir); errors.Is(err, silentfs.ErrNoFUSE) {
		t.Skip(err)
	} else if err != nil {
		t.Fatal(err)
	}
	defer f.End()
	const nosuid = unix.MS_REMOUNT | unix.MS_BIND | unix.MS_NOSUID | unix.MS_RDONLY
	if err := unix.Mount("", dir, "", nosuid, ""); err != nil {
		t.Fatal(err)
	}
	found := make(chan uintptr, 1)
	go func() { found <- mountFlags(dir) }()
	const longEnough = time.Minute
	select {
	case flags := <-found:
		if want := uintptr(unix.MS_NOSUID | unix.MS_RDONLY); flags != want {
			t.Errorf("the flags are %#x, not %#x", flags, want)
		}
	case <-time.After(longEnough):
		t.Error("rt waits for the server")
	}
}
