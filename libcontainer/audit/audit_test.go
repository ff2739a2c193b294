package audit

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"rt/libcontainer/cgroup"
	"rt/libcontainer/mounttable"
	"rt/libcontainer/process"
	"rt/spec"
)

// TestAfterExec compares with the rules of capabilities(7), "Transformation of capabilities during execve()".
func TestAfterExec(t *testing.T) {
	const a, b, c = 1 << unix.CAP_KILL, 1 << unix.CAP_SYS_ADMIN, 1 << unix.CAP_CHOWN
	all := &process.Status{Capabilities: spec.Capabilities{Bounding: ^uint64(0)}}
	for name, test := range map[string]struct {
		uid     uint32
		nnp     bool
		self    *process.Status
		in, out spec.Capabilities
	}{
		"root gets what the bounding set leaves": {
			in:  spec.Capabilities{Bounding: a | b, Permitted: a, Effective: a},
			out: spec.Capabilities{Bounding: a | b, Permitted: a | b, Effective: a | b}, self: all,
		},
		"but not with no_new_privs": {
			in: spec.Capabilities{Bounding: a | b, Permitted: a, Effective: a}, nnp: true,
			out: spec.Capabilities{Bounding: a | b, Permitted: a, Effective: a}, self: all,
		},
		"others keep the ambient set": {
			in: spec.Capabilities{
				Bounding: a | b, Permitted: a | b, Effective: a | b, Inheritable: a | c, Ambient: a | c,
			}, uid: 7, self: all,
			out: spec.Capabilities{Bounding: a | b, Permitted: a, Effective: a, Inheritable: a | c, Ambient: a},
		},
		"what rt lacks can't be given": {
			in:   spec.Capabilities{Bounding: a | b, Permitted: a | b},
			self: &process.Status{Capabilities: spec.Capabilities{Bounding: a}},
			out:  spec.Capabilities{Bounding: a, Permitted: a, Effective: a},
		},
	} {
		p := &spec.Process{UID: test.uid, NoNewPrivs: test.nnp, Capabilities: &test.in}
		r := &report{Target: &Target{Spec: &spec.Spec{Process: p}}}
		if got := r.capabilitiesAfterExec(test.self); got != test.out {
			t.Errorf("%s: %+v, not %+v", name, got, test.out)
		}
	}
}

// TestSilentFileSystem examines a container that has mounted file systems which never answer where its devices and
// masks were. Neither rt nor its caller waits for them.
func TestSilentFileSystem(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root")
	}
	dir := t.TempDir()
	for _, name := range []string{"dev", "proc", "data"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	done := make(chan []Property, 1)
	var servers []int
	onThread(func() {
		var list []Property
		defer func() { done <- list }()
		if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
			t.Error(err)
			return
		}
		if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
			t.Error(err)
			return
		}
		for _, name := range []string{"dev", "proc", "data"} {
			server, err := unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC, 0)
			if err != nil {
				t.Logf("needs FUSE: %v", err)
				return
			}
			servers = append(servers, server)
			options := fmt.Sprintf("fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other", server)
			if err := unix.Mount("evil\nname", filepath.Join(dir, name), "fuse", 0, options); err != nil {
				t.Error(err)
				return
			}
		}
		list = examineMounts(t, dir)
	})
	select {
	case list := <-done:
		for _, fd := range servers {
			_ = unix.Close(fd)
		}
		if len(servers) == 0 {
			t.Skip("needs FUSE")
		}
		if text := fmt.Sprint(list); !strings.Contains(text, "may not answer") ||
			!strings.Contains(text, "is of another type") {
			t.Errorf("the mounts are no findings: %v", list)
		}
	case <-time.After(time.Minute):
		t.Error("rt waits for a file system of the container")
		for _, fd := range servers {
			_ = unix.Close(fd)
		}
	}
}

// onThread calls do on a thread of its own, which ends with it. It is not the first thread of the process: the mounts
// of that one are rt's own for package mounttable.
func onThread(do func()) {
	go func() {
		runtime.LockOSThread()
		if unix.Gettid() != unix.Getpid() {
			do()
			return
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			runtime.LockOSThread()
			do()
		}()
		<-done
		runtime.UnlockOSThread()
	}()
}

// examineMounts examines the mounts of this thread as those of a container with the root dir.
func examineMounts(t *testing.T, dir string) []Property {
	t.Helper()
	table, err := mounttable.Load(unix.Gettid())
	if err != nil {
		t.Error(err)
		return nil
	}
	root, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Error(err)
		return nil
	}
	// The mount points are those below the root of the thread.
	for _, e := range table.Mounts {
		if e.Mountpoint = strings.TrimPrefix(e.Mountpoint, dir); e.Mountpoint == "" {
			e.Mountpoint = "/"
		}
	}
	group, err := cgroup.Load(cgroup.Saved{Driver: cgroup.Disabled})
	if err != nil {
		t.Fatal(err)
	}
	r := &report{Target: &Target{Group: group, Spec: &spec.Spec{
		OCI: &specs.Spec{}, Rootfs: "/none", MaskedPaths: []string{"/proc/keys"}, ReadonlyPaths: []string{"/proc/sys"},
		Mounts: []spec.Mount{
			{Destination: "/data/deep", Type: "tmpfs"}, {Destination: "/proc", Type: "proc", Index: 1},
		},
		Namespaces: spec.Namespaces{New: unix.CLONE_NEWNS},
	}}}
	m := &mounts{report: r, Table: table, root: root, points: map[string]bool{}}
	defer m.close()
	m.compareAll()
	return r.list
}
