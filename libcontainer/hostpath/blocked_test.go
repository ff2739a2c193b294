package hostpath

import (
	"os"
	"runtime"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"
)

// TestBlockedHint has a path with a directory that a user without rights may not enter.
func TestBlockedHint(t *testing.T) {
	dir, err := os.MkdirTemp("/tmp", "blocked")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(dir+"/a/b/c", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(dir+"/a/other/c", 0o755); err != nil {
		t.Fatal(err)
	}
	const nobody = 65534
	if os.Geteuid() == 0 { // its group is none of this process's, and that of a/b is one
		if err := os.Chown(dir+"/a/other", 0, nobody); err != nil {
			t.Fatal(err)
		}
	}
	for path, mode := range map[string]os.FileMode{dir: 0o755, dir + "/a/b": 0o601, dir + "/a/other": 0o610} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		for _, path := range []string{dir + "/a/b", dir + "/a/other"} {
			_ = os.Chmod(path, 0o700)
		}
		_ = os.RemoveAll(dir)
	})
	user := os.Geteuid()
	got := map[string]string{}
	paths := []string{
		dir + "/a/b/c", dir + "/a/b/none/at/all", dir + "/a/other/c", dir + "/a/b", dir + "/none/x", "/", "none",
	}
	done := make(chan struct{})
	var look func()
	look = func() {
		runtime.LockOSThread() // the thread ends with the goroutine
		if unix.Gettid() == unix.Getpid() {
			go look() // on another thread, for this one is the process's first and remains
			<-done
			runtime.UnlockOSThread()
			return
		}
		defer close(done)
		if user == 0 { // the credentials of the system call are this thread's only
			if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, nobody, nobody, nobody); errno != 0 {
				t.Error(errno)
				return
			}
			user = nobody
		}
		for _, path := range paths {
			_, _ = os.Stat(path) // which fails, and brings into the caches what it passes
			got[path] = BlockedHint(path)
		}
	}
	go look()
	<-done
	const end = " may not be entered (x) by user "
	want := map[string]string{paths[0]: dir + "/a/b", paths[1]: dir + "/a/b", paths[2]: dir + "/a/other"}
	for _, path := range paths {
		blocked := want[path]
		if blocked != "" {
			blocked += end + strconv.Itoa(user) + " of the host"
		}
		if got[path] != blocked {
			t.Errorf("%s: %q", path, got[path])
		}
	}
}
