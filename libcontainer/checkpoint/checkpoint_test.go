package checkpoint

import (
	"os"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"

	"rt/libcontainer/criu"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestLastErrors(t *testing.T) {
	log := "(00.01) Error (criu/util.c:1533): rlimit: Can't setup RLIMIT_NOFILE for self: Operation not permitted\n" +
		"(00.02) cg: fine\n(00.03)      1: Error (criu/a.c:1): first\n(00.03) Warn  (criu/b.c:2): no\n" +
		"Error: ipv4: Address already assigned.\n(00.04) Error (criu/c.c:3): second\n" +
		"(00.05) Error (criu/d.c:4): third\n(00.06) Error (criu/e.c:5): Dumping FAILED.\n"
	if got := firstErrors(log, 2); got != "first (criu/a.c:1); second (criu/c.c:3)" {
		t.Error(got)
	}
	if got := firstErrors("", 2); got != "" {
		t.Error(got)
	}
}

func TestPageServer(t *testing.T) {
	for text, want := range map[string]*criu.PageServer{
		"": nil, "1.2.3.4:99": {Address: "1.2.3.4", Port: 99}, "[::1]:65535": {
			Address: "::1",
			Port:    65535,
		}, "host:1": {Address: "host", Port: 1},
	} {
		got, err := parsePageServer(text, false)
		if err != nil || (got == nil) != (want == nil) || got != nil && *got != *want {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"x", ":1", "x:", "x:0", "x:65536", "x:-1", "x:1x"} {
		if got, err := parsePageServer(text, false); err == nil {
			t.Errorf("%q: %+v", text, got)
		}
	}
}

func TestCgroupRoots(t *testing.T) {
	roots := cgroupRoots("4:cpu,cpuacct:/a:b\n1:name=systemd:/c\n0::/d\nx\n")
	want := []criu.CgroupRoot{
		{Controller: "cpu", Path: "/a:b"},
		{Controller: "cpuacct", Path: "/a:b"},
		{Controller: "name=systemd", Path: "/c"},
		{Path: "/d"},
	}
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

// TestDirectoriesOfOthers refuses directories in which another user may have put links or images.
func TestDirectoriesOfOthers(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root")
	}
	for name, test := range map[string]struct {
		mode       os.FileMode
		uid        int
		save, load bool // whether it is accepted
	}{
		"root's":           {0o755, 0, true, true},
		"another user's":   {0o700, 4711, false, true},
		"for every user":   {0o777, 0, false, false},
		"like /tmp":        {0o777 | os.ModeSticky, 0, false, false},
		"for root's group": {0o770, 0, true, true},
	} {
		dir := t.TempDir()
		must(t, os.Chmod(dir, test.mode))
		must(t, os.Chown(dir, test.uid, 0))
		for _, write := range []bool{true, false} {
			fd, err := openDirectory("--image-path", dir, write)
			if want := write && test.save || !write && test.load; (err == nil) != want {
				t.Errorf("%s, write %t: %v", name, write, err)
			}
			if err == nil {
				_ = unix.Close(fd)
			}
		}
	}
}

// TestTypesOfImages refuses a FIFO, which CRIU would open and wait.
func TestTypesOfImages(t *testing.T) {
	path := t.TempDir()
	dir, err := unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	must(t, err)
	defer func() { _ = unix.Close(dir) }()
	must(t, os.WriteFile(path+"/core-1.img", nil, 0o600))
	must(t, os.Symlink("../1", path+"/parent"))
	must(t, checkTypes(dir, path))
	must(t, unix.Mkfifo(path+"/pages-1.img", 0o600))
	if err := checkTypes(dir, path); err == nil {
		t.Error("a FIFO is accepted")
	}
}
