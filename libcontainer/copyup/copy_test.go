package copyup

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
)

// tree makes a directory with one of everything, and returns its path.
func tree(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	must(t, os.MkdirAll(dir+"/sub/deep", 0o755))
	must(t, os.WriteFile(dir+"/file", []byte("contents"), 0o640))
	must(t, os.WriteFile(dir+"/empty", nil, 0o600))
	must(t, os.WriteFile(dir+"/sub/deep/x", []byte("x"), 0o400))
	must(t, os.Link(dir+"/file", dir+"/sub/again"))
	must(t, os.Symlink("/etc/shadow", dir+"/link"))
	must(t, unix.Mkfifo(dir+"/fifo", 0o622))
	sparse, err := os.Create(dir + "/sparse")
	must(t, err)
	must(t, sparse.Truncate(1<<30))
	_, err = sparse.WriteAt([]byte("middle"), 1<<29)
	must(t, err)
	must(t, sparse.Close())
	must(t, os.Chmod(dir+"/sub", 0o2711))
	must(t, os.Chmod(dir, 0o1777))
	times := []unix.Timespec{{Sec: 1000, Nsec: 5}, {Sec: 2000, Nsec: 6}}
	for _, name := range []string{"/file", "/link", "/fifo", "/sub/deep", "/sub", ""} {
		must(t, unix.UtimesNanoAt(unix.AT_FDCWD, dir+name, times, unix.AT_SYMLINK_NOFOLLOW))
	}
	return dir
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// copyTo copies the tree at from to the tmpfs, or what stands for one, at to.
func copyTo(t *testing.T, from, to string, o Options) error {
	t.Helper()
	in, err := unix.Open(from, unix.O_PATH, 0)
	must(t, err)
	out, err := unix.Open(to, unix.O_PATH, 0)
	must(t, err)
	defer func() { _, _ = unix.Close(in), unix.Close(out) }()
	before := descriptors(t)
	err = Copy(in, out, o)
	if after := descriptors(t); after != before {
		t.Errorf("%d descriptors before, %d behind", before, after)
	}
	return err
}

func descriptors(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	must(t, err)
	return len(list)
}

// requireSame compares two trees: type, mode, owner, size, device and modification time of all, and what files and
// links hold.
func requireSame(t *testing.T, from, to string) {
	t.Helper()
	seen := 0
	must(t, filepath.WalkDir(from, func(path string, _ os.DirEntry, err error) error {
		must(t, err)
		seen++
		other := to + strings.TrimPrefix(path, from)
		var a, b unix.Stat_t
		must(t, unix.Lstat(path, &a))
		must(t, unix.Lstat(other, &b))
		if a.Mode != b.Mode || a.Uid != b.Uid || a.Gid != b.Gid || a.Rdev != b.Rdev || a.Mtim != b.Mtim {
			t.Errorf(
				"%s: mode %o owner %d:%d time %v, copied as %o %d:%d %v",
				path,
				a.Mode,
				a.Uid,
				a.Gid,
				a.Mtim,
				b.Mode,
				b.Uid,
				b.Gid,
				b.Mtim,
			)
		}
		switch a.Mode & unix.S_IFMT {
		case unix.S_IFREG:
			if a.Size != b.Size || a.Nlink != b.Nlink {
				t.Errorf("%s: size %d, %d links, copied as %d, %d", path, a.Size, a.Nlink, b.Size, b.Nlink)
			}
			if a.Size < 1<<20 {
				x, err := os.ReadFile(path)
				must(t, err)
				y, err := os.ReadFile(other)
				must(t, err)
				if string(x) != string(y) {
					t.Errorf("%s holds %q, its copy %q", path, x, y)
				}
			}
		case unix.S_IFLNK:
			x, err := os.Readlink(path)
			must(t, err)
			y, err := os.Readlink(other)
			must(t, err)
			if x != y {
				t.Errorf("%s links to %s, its copy to %s", path, x, y)
			}
		}
		return nil
	}))
	count := 0
	must(t, filepath.WalkDir(to, func(string, os.DirEntry, error) error { count++; return nil }))
	if seen != count {
		t.Errorf("%d entries were copied to %d", seen, count)
	}
}

func TestCopy(t *testing.T) {
	from, to := tree(t), t.TempDir()
	must(t, copyTo(t, from, to, Options{}))
	requireSame(t, from, to)
	var st unix.Stat_t
	must(t, unix.Stat(to+"/sparse", &st))
	if used := st.Blocks * 512; used > 1<<20 {
		t.Errorf("a gigabyte of holes takes %d bytes", used)
	}
	f, err := os.Open(to + "/sparse")
	must(t, err)
	defer func() { _ = f.Close() }()
	middle := make([]byte, 6)
	if _, err := f.ReadAt(middle, 1<<29); err != nil || string(middle) != "middle" {
		t.Errorf("between the holes: %q, %v", middle, err)
	}
}

func TestCopyOfNothing(t *testing.T) {
	from, to := t.TempDir(), t.TempDir()
	must(t, os.Chmod(from, 0o711))
	must(t, copyTo(t, from, to, Options{}))
	requireSame(t, from, to)
}

// TestCopyOfMany has more entries than go into one buffer, and names as long as they can be.
func TestCopyOfMany(t *testing.T) {
	from, to := t.TempDir(), t.TempDir()
	for i := range 1000 {
		must(t, os.WriteFile(from+"/"+strings.Repeat("n", 250)+strconv.Itoa(i), []byte(strconv.Itoa(i)), 0o644))
	}
	must(t, copyTo(t, from, to, Options{}))
	requireSame(t, from, to)
}

func TestCopyKeepsWhatOptionsSay(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, to give a directory away")
	}
	from, to := t.TempDir(), t.TempDir()
	must(t, os.Chown(from, 5, 6))
	must(t, os.Chmod(from, 0o711))
	must(t, os.Chmod(to, 0o770))
	must(t, copyTo(t, from, to, Options{KeepMode: true}))
	var st unix.Stat_t
	must(t, unix.Stat(to, &st))
	if st.Mode&0o7777 != 0o770 || st.Uid != 0 || st.Gid != 0 {
		t.Errorf("the root is %o %d:%d", st.Mode, st.Uid, st.Gid)
	}
}

func TestCopyAsRoot(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, to make devices and give files away")
	}
	from, to := tree(t), t.TempDir()
	must(t, unix.Mknod(from+"/null", unix.S_IFCHR|0o666, int(unix.Mkdev(1, 3))))
	must(t, os.WriteFile(from+"/suid", []byte("#!"), 0o755))
	must(t, os.Lchown(from+"/suid", 1000, 1001))
	must(t, os.Chmod(from+"/suid", 0o755|os.ModeSetuid))
	must(t, os.Lchown(from+"/link", 7, 8))
	// Capabilities(7), version 2: cap_net_admin=ep.
	netAdmin := "\x01\x00\x00\x02\x00\x10\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	must(t, os.WriteFile(from+"/capable", []byte("#!"), 0o755))
	must(t, os.Chown(from+"/capable", 3, 3))
	must(t, unix.Setxattr(from+"/capable", "security.capability", []byte(netAdmin), 0))
	must(t, unix.Setxattr(from+"/sub", "user.colour", []byte("blue"), 0))
	must(t, unix.UtimesNanoAt(unix.AT_FDCWD, from, []unix.Timespec{{Sec: 1}, {Sec: 2}}, 0))
	must(t, copyTo(t, from, to, Options{}))
	requireSame(t, from, to)
	for path, want := range map[[2]string]string{
		{"/capable", "security.capability"}: netAdmin,
		{"/sub", "user.colour"}:             "blue",
	} {
		value := make([]byte, 64)
		n, err := unix.Getxattr(to+path[0], path[1], value)
		if err != nil || string(value[:n]) != want {
			t.Errorf("%s of %s: %q, %v", path[1], path[0], value[:max(n, 0)], err)
		}
	}
	if unix.Geteuid() != 0 {
		t.Error("rt's ids have changed")
	}
}

// TestDeepTrees checks both sides of the bound.
func TestDeepTrees(t *testing.T) {
	for depth, ok := range map[int]bool{maxDepth: true, maxDepth + 1: false} {
		from, to := t.TempDir(), t.TempDir()
		must(t, os.MkdirAll(from+strings.Repeat("/d", depth), 0o755))
		err := copyTo(t, from, to, Options{})
		if ok {
			must(t, err)
			requireSame(t, from, to)
			continue
		}
		var e *diag.Error
		if !errors.As(err, &e) || e.Kind != diag.Host || !strings.Contains(e.Problem, "nested more than") {
			t.Errorf("%d deep: %v", depth, err)
		}
	}
}

// TestErrorsNameTheFile has a copy in the way.
func TestErrorsNameTheFile(t *testing.T) {
	from, to := tree(t), t.TempDir()
	must(t, os.MkdirAll(to+"/sub", 0o755))
	err := copyTo(t, from, to, Options{})
	var e *diag.Error
	if !errors.As(err, &e) || e.Errno != unix.EEXIST || e.Call != "mkdirat" || e.Problem != "/sub can't be copied" {
		t.Errorf("%v", err)
	}
}

// TestOwnersThatCannotBe takes CAP_CHOWN away from the thread: an owner that is refused looks the same, whatever the
// reason.
func TestOwnersThatCannotBe(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, whose rights are taken away")
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var all, some [2]unix.CapUserData
	must(t, unix.Capget(&header, &all[0]))
	some = all
	some[0].Effective &^= 1<<unix.CAP_CHOWN | 1<<unix.CAP_FOWNER
	must(t, unix.Capset(&header, &some[0]))
	defer func() { must(t, unix.Capset(&header, &all[0])) }()

	file := unix.Stat_t{Uid: 5, Gid: 5, Mode: unix.S_IFREG | 0o4755}
	secret := unix.Stat_t{Uid: 5, Gid: 5, Mode: unix.S_IFREG | 0o640}
	closed := unix.Stat_t{Uid: 5, Gid: 5, Mode: unix.S_IFDIR | 0o744}
	link := unix.Stat_t{Uid: 5, Gid: 5, Mode: unix.S_IFLNK | 0o777}
	for name, test := range map[string]struct {
		privileged bool
		st         *unix.Stat_t
		refused    bool
	}{
		"everybody's file":             {true, &file, false},
		"everybody's link":             {true, &link, false},
		"secret":                       {true, &secret, true},
		"closed directory":             {true, &closed, true},
		"secret that rt's user has":    {false, &secret, false},
		"directory that rt's user has": {false, &closed, false},
	} {
		dir, err := unix.Open(t.TempDir(), unix.O_RDONLY|unix.O_CLOEXEC, 0)
		must(t, err)
		must(t, unix.Mknodat(dir, "x", unix.S_IFREG|0o600, 0))
		c := copier{privileged: test.privileged, path: []byte("/x")}
		kept, err := c.setOwner(dir, "x", test.st)
		if kept || (err != nil) != test.refused {
			t.Errorf("%s: kept %v, %v", name, kept, err)
		}
		_ = unix.Close(dir)
	}
	if m := modeOfCopy(&file, false); m != 0o755 {
		t.Errorf("a program of another user keeps its rights: %o", m)
	}
}
