package libcontainer

import (
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/libcontainer/criu"
	"rt/libcontainer/state"
)

func init() { children["criu"] = fakeCRIU }

// fakeCRIU is a criu that fails as FAKE says. It speaks as much protobuf as that takes: a request begins with 8 and its
// kind, an answer has 8 and the kind, 16 and the success.
func fakeCRIU() {
	const socket = 3
	request := make([]byte, 64<<10)
	n, err := unix.Read(socket, request)
	if err != nil || n < 2 {
		os.Exit(1)
	}
	kind, fake := request[1], os.Getenv("FAKE")
	switch criu.Kind(kind) {
	case criu.VersionQuery:
		minor := byte(17)
		if fake == "old" {
			minor = 14
		}
		_, _ = unix.Write(socket, []byte{8, kind, 16, 1, 10<<3 | 2, 4, 8, 3, 16, minor})
	case criu.FeatureCheck:
		_, _ = unix.Write(socket, []byte{8, kind, 16, 1, 8<<3 | 2, 0})
	default:
		switch fake {
		case "refuses":
			_, _ = unix.Write(socket, append([]byte{8, kind, 16, 0, 9<<3 | 2, 5}, "never"...))
		case "dies":
			// Field 44 is where CRIU stops the container, before it does anything else.
			tag := binary.AppendUvarint(nil, 44<<3|2)
			if _, rest, ok := strings.Cut(string(request[:n]), string(tag)); ok {
				dir := rest[1 : 1+rest[0]]
				_ = os.WriteFile(dir+"/freezer.state", []byte("FROZEN"), 0)
				_ = os.WriteFile(dir+"/cgroup.freeze", []byte("1"), 0)
			}
			_ = unix.Kill(unix.Getpid(), unix.SIGKILL)
		}
	}
}

// playCRIU puts fakeCRIU into PATH.
func playCRIU(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	self, err := os.Executable()
	must(t, err)
	must(t, os.WriteFile(dir+"/criu", []byte("#!/bin/sh\nRT_TEST_CHILD=criu exec "+self+" \"$@\"\n"), 0o755))
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
}

// TestCRIUFails has CRIU fail in several ways. Whatever it does, the container is as it was before, and a restore
// leaves nothing.
func TestCRIUFails(t *testing.T) {
	if !apart(t) {
		return
	}
	bundle := newBundle(t, func(config map[string]any) { config["process"].(map[string]any)["args"] = []string{"sleep", "1000"} })
	playCRIU(t)
	r := &Runtime{Root: t.TempDir()}
	id := "criu-fails-" + strconv.Itoa(os.Getpid())
	before := look(t)
	if _, err := r.Run(id, &RunOptions{CreateOptions: CreateOptions{Bundle: bundle}, Detach: true}); err != nil {
		t.Fatal(err)
	}
	images := filepath.Join(t.TempDir(), "images")
	for _, test := range []struct {
		fake, want string
		change     func(*CheckpointOptions)
	}{
		{"old", "3.14 is too old", nil},
		{"refuses", "never", nil},
		{"dies", "SIGKILL", nil},
		{"says nothing", "without a response", nil},
		{"has no features", "--pre-dump", func(o *CheckpointOptions) { o.PreDump = true }},
		{"has no features", "--lazy-pages", func(o *CheckpointOptions) { o.LazyPages, o.PageServer = true, "[::1]:9" }},
	} {
		t.Setenv("FAKE", test.fake)
		o := &CheckpointOptions{ImageOptions: ImageOptions{ImagePath: images}, StatusFD: -1}
		if test.change != nil {
			test.change(o)
		}
		var e *diag.Error
		if err := r.Checkpoint(id, o); !errors.As(err, &e) || !strings.Contains(e.Error(), test.want) {
			t.Errorf("%s: %v", test.fake, err)
		}
		if _, status, err := r.State(id); err != nil || status != state.Running {
			t.Errorf("%s: the container is %s, %v", test.fake, status, err)
		}
	}
	must(t, r.Delete(id, true))
	reapAll()
	requireNothingLeft(t, before, r.Root, id)

	must(t, os.WriteFile(images+"/inventory.img", nil, 0o600))
	for fake, want := range map[string]string{"old": "too old", "refuses": "never", "dies": "SIGKILL",
		"says nothing": "without a response"} {
		t.Setenv("FAKE", fake)
		o := &RestoreOptions{RunOptions: RunOptions{CreateOptions: CreateOptions{Bundle: bundle}, Detach: true},
			ImageOptions: ImageOptions{ImagePath: images}}
		// The streams of the container were files of the host, as those of a test may not be.
		_ = os.Remove(images + "/" + descriptorsFile)
		var e *diag.Error
		if _, err := r.Restore(id, o); !errors.As(err, &e) || !strings.Contains(e.Error(), want) {
			t.Errorf("restore, %s: %v", fake, err)
		}
		requireNothingLeft(t, before, r.Root, id)
	}
}

func TestLastErrors(t *testing.T) {
	log := "(00.01) Error (criu/util.c:1533): rlimit: Can't setup RLIMIT_NOFILE for self: Operation not permitted\n(00.02) cg: fine\n" +
		"(00.03)      1: Error (criu/a.c:1): first\n(00.03) Warn  (criu/b.c:2): no\nError: ipv4: Address already assigned.\n" +
		"(00.04) Error (criu/c.c:3): second\n(00.05) Error (criu/d.c:4): third\n(00.06) Error (criu/e.c:5): Dumping FAILED.\n"
	if got := lastErrors(log, 2); got != "first (criu/a.c:1); second (criu/c.c:3)" {
		t.Error(got)
	}
	if got := lastErrors("", 2); got != "" {
		t.Error(got)
	}
}

func TestPageServer(t *testing.T) {
	for text, want := range map[string]*criu.PageServer{
		"": nil, "1.2.3.4:99": {Address: "1.2.3.4", Port: 99}, "[::1]:65535": {Address: "::1",
			Port: 65535}, "host:1": {Address: "host", Port: 1},
	} {
		got, err := pageServer(text, false)
		if err != nil || (got == nil) != (want == nil) || got != nil && *got != *want {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"x", ":1", "x:", "x:0", "x:65536", "x:-1", "x:1x"} {
		if got, err := pageServer(text, false); err == nil {
			t.Errorf("%q: %+v", text, got)
		}
	}
}

func TestCgroupRoots(t *testing.T) {
	roots := cgroupRoots("4:cpu,cpuacct:/a:b\n1:name=systemd:/c\n0::/d\nx\n")
	want := []criu.CgroupRoot{{Controller: "cpu", Path: "/a:b"}, {Controller: "cpuacct", Path: "/a:b"},
		{Controller: "name=systemd", Path: "/c"}, {Path: "/d"}}
	if len(roots) != len(want) {
		t.Fatal(roots)
	}
	for i := range want {
		if roots[i] != want[i] {
			t.Error(roots[i], want[i])
		}
	}
}

// TestDescriptors makes sure that what is written is read again, and that nothing else is.
func TestDescriptors(t *testing.T) {
	dir, err := unix.Open(t.TempDir(), unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	must(t, err)
	i := &images{dir: dir, work: -1}
	defer i.close()
	if d, err := i.loadDescriptors(); err != nil || d.streams != [3]string{} {
		t.Error(d, err)
	}
	d := &descriptors{streams: [3]string{"/dev/null", `pipe:["]`, ""}, null: []string{"file[1:2]"}}
	must(t, i.saveDescriptors(d))
	got, err := i.loadDescriptors()
	if err != nil || got.streams != d.streams || len(got.null) != 1 || got.null[0] != "file[1:2]" {
		t.Error(got, err)
	}
	path := "/proc/self/fd/" + strconv.Itoa(dir) + "/" + descriptorsFile
	for _, text := range []string{"", "{}", "[1]", `["a"`, "[] x"} {
		must(t, os.WriteFile(path, []byte(text), 0o600))
		if d, err := i.loadDescriptors(); err == nil {
			t.Errorf("%q: %+v", text, d)
		}
	}
	must(t, os.Remove(path))
	must(t, os.Symlink("/etc/passwd", path))
	if d, err := i.loadDescriptors(); err == nil {
		t.Errorf("through a link: %+v", d)
	}
	if err := i.saveDescriptors(d); err == nil {
		t.Error("written through a link")
	}
}

func TestMakeMountPoint(t *testing.T) {
	root, outside := t.TempDir(), t.TempDir()
	must(t, os.Symlink(outside, root+"/out"))
	must(t, os.Symlink("/a", root+"/in"))
	must(t, os.Mkdir(root+"/a", 0o755))
	for _, path := range []string{"/x/y/z", "/in/b", "/out/c", "/../../d"} {
		if err := makeMountPoint(root, path, false); err != nil {
			t.Error(path, err)
		}
	}
	for _, path := range []string{"/x/y/z", "/a/b", "/d", outside + "/c"} {
		if st, err := os.Lstat(root + path); err != nil || !st.Mode().IsRegular() {
			t.Error(path, err)
		}
	}
	if entries, err := os.ReadDir(outside); err != nil || len(entries) != 0 {
		t.Error(entries, err)
	}
	must(t, makeMountPoint(root, "/x/dir", true))
	if st, err := os.Lstat(root + "/x/dir"); err != nil || !st.IsDir() {
		t.Error(err)
	}
}
