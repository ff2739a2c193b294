package checkpoint

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// inMountNamespace calls f in a thread with a mount namespace of its own, whose id is usable as a pid in /proc.
func inMountNamespace(t *testing.T, f func(tid int)) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root")
	}
	runOnOwnThread(func() {
		if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
			t.Error(err)
			return
		}
		if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
			t.Error(err)
			return
		}
		f(unix.Gettid())
	})
}

func mountAt(t *testing.T, source, target, kind string, flags uintptr, data string) {
	t.Helper()
	if err := os.MkdirAll(target, 0o755); err != nil {
		t.Error(err)
	}
	if err := unix.Mount(source, target, kind, flags, data); err != nil {
		t.Errorf("%s: %v", target, err)
	}
}

// mountSilent mounts a file system whose server never reads a request. It ends with the descriptor.
func mountSilent(t *testing.T, target string) (server int) {
	t.Helper()
	server, err := unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Skipf("needs FUSE: %v", err)
	}
	options := fmt.Sprintf("fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other", server)
	mountAt(t, "silent", target, "fuse", 0, options)
	return server
}

// inTime fails a test whose f waits for the server of a silent file system, and ends the servers.
func inTime(t *testing.T, servers []int, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // it may stay in its system call
		f()
		runtime.UnlockOSThread()
	}()
	const patience = time.Minute
	select {
	case <-done:
	case <-time.After(patience):
		t.Error("rt waits for a file system of the container")
	}
	for _, fd := range servers {
		_ = unix.Close(fd)
	}
	<-done
}

// TestMountsBelowASilentFileSystem finds the mounts of the config, though the container has mounted a file system over
// their parents that never answers.
func TestMountsBelowASilentFileSystem(t *testing.T) {
	dir, host := t.TempDir(), t.TempDir()
	must(t, os.Symlink("data", dir+"/link"))
	inMountNamespace(t, func(tid int) {
		mountAt(t, host, dir+"/data", "", unix.MS_BIND, "")
		mountAt(t, host, dir+"/covered/data", "", unix.MS_BIND, "")
		server := mountSilent(t, dir+"/covered")
		silent := mountSilent(t, dir+"/silent")
		list := externals{
			{label: dir + "/link"},
			{label: dir + "/covered/data"},
			{label: dir + "/silent/a/b"},
			{label: dir + "/none"},
			{label: dir + "/silent"},
			{label: dir + "/link", device: true},
			{label: dir},
		}
		inTime(t, []int{server, silent}, func() {
			mounted, err := list.attached(tid)
			if err != nil {
				t.Error(err)
			}
			var got []string
			for _, e := range mounted {
				got = append(got, e.label+" "+e.destination)
			}
			want := []string{
				dir + "/link " + dir + "/data", dir + "/covered/data " + dir + "/covered/data",
				dir + "/silent " + dir + "/silent",
			}
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	})
}

// TestDescriptorsOfASilentFileSystem examines a descriptor whose mount the container's first process does not have, as
// a process in a mount namespace inside can pass it.
func TestDescriptorsOfASilentFileSystem(t *testing.T) {
	dir := t.TempDir()
	inMountNamespace(t, func(int) {
		server := mountSilent(t, dir+"/silent")
		fd, err := unix.Open(dir+"/silent", unix.O_PATH|unix.O_CLOEXEC, 0)
		if err != nil {
			t.Error(err)
			return
		}
		defer func() { _ = unix.Close(fd) }()
		inTime(t, []int{server}, func() {
			d := &descriptors{}
			d.add("/proc/self", strconv.Itoa(fd), false, nil)
			if len(d.null) > 0 {
				t.Error(d.null)
			}
		})
	})
}
