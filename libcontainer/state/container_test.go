package state

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"rt/libcontainer/diag"
)

// openTemp is an empty state directory.
func openTemp(t testing.TB) *Root {
	t.Helper()
	r, err := OpenRoot(filepath.Join(t.TempDir(), "root"), true)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

// create makes a container with a state.
func create(t testing.TB, r *Root, id string) *Container {
	t.Helper()
	c, err := r.Create(id)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	if err := c.Save(sample(id)); err != nil {
		t.Fatal(err)
	}
	return c
}

// problem is the text of the *diag.Error that err must be.
func problem(t *testing.T, err error, kind diag.Kind) string {
	t.Helper()
	var e *diag.Error
	if !errors.As(err, &e) || e.Kind != kind {
		t.Fatalf("want a *diag.Error of kind %d, got %#v", kind, err)
	}
	return e.Error()
}

func TestCreateSaveOpenRemove(t *testing.T) {
	r := openTemp(t)
	c := create(t, r, "web1")
	raw := []byte(`{"ociVersion": "1.3.0"}`)
	if err := c.SaveConfig(raw); err != nil {
		t.Fatal(err)
	}
	for path, mode := range map[string]fs.FileMode{"": 0o700 | fs.ModeDir, configFile: 0o600, stateFile: 0o600} {
		if st, err := os.Stat(c.Path(path)); err != nil || st.Mode() != mode {
			t.Errorf("%s: %v, %v, want %v", c.Path(path), st.Mode(), err, mode)
		}
	}
	c.Close()

	c, err := r.Open("web1", true)
	if err != nil {
		t.Fatal(err)
	}
	if s, err := c.State(); err != nil || !reflect.DeepEqual(s, sample("web1")) {
		t.Errorf("got %+v, %v", s, err)
	}
	if got, err := c.Config(); err != nil || string(got) != string(raw) {
		t.Errorf("got %q, %v", got, err)
	}
	entries, err := os.ReadDir(c.Path(""))
	if err != nil || len(entries) != 2 {
		t.Errorf("the directory has %v", entries)
	}
	if err := os.MkdirAll(c.Path("notify/deep"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := c.Remove(); err != nil {
		t.Fatal(err)
	}
	if ids, err := r.List(); err != nil || len(ids) != 0 {
		t.Errorf("left: %v, %v", ids, err)
	}
	_, err = r.Open("web1", false)
	if got := problem(t, err, diag.State); got != `container "web1" does not exist` {
		t.Error(got)
	}
}

func TestIDInUse(t *testing.T) {
	r := openTemp(t)
	create(t, r, "web1")
	_, err := r.Create("web1")
	if got := problem(t, err, diag.State); !strings.HasPrefix(got, "container with given ID already exists") {
		t.Error(got)
	}
}

func TestCheckID(t *testing.T) {
	for _, id := range []string{"a", "web-1_2+3.4", "-", "...", "A.B", strings.Repeat("x", 255)} {
		if err := CheckID(id); err != nil {
			t.Errorf("%q: %v", id, err)
		}
	}
	r := openTemp(t)
	for _, id := range []string{"", ".", "..", "a/b", "../x", "a b", "a\x00b", "ä", "a:b", "\xff", strings.Repeat("x", 256)} {
		problem(t, CheckID(id), diag.Usage)
		if _, err := r.Create(id); err == nil {
			t.Errorf("Create(%q) has worked", id)
		}
		if _, err := r.Open(id, false); err == nil {
			t.Errorf("Open(%q) has worked", id)
		}
	}
}

func TestListShowsContainersOnly(t *testing.T) {
	r := openTemp(t)
	for _, id := range []string{"b", "a", "c"} {
		create(t, r, id).Close()
	}
	must(os.WriteFile(filepath.Join(r.Path(), "file"), nil, 0o600))
	must(os.Mkdir(filepath.Join(r.Path(), "not an id"), 0o700))
	must(os.Symlink("a", filepath.Join(r.Path(), "link")))
	if ids, err := r.List(); err != nil || fmt.Sprint(ids) != "[a b c]" {
		t.Errorf("got %v, %v", ids, err)
	}
	if _, err := r.Open("link", false); err == nil {
		t.Error("a symbolic link is opened as a container")
	}
}

func TestMissingRootHoldsNothing(t *testing.T) {
	r, err := OpenRoot(filepath.Join(t.TempDir(), "none"), false)
	if err != nil {
		t.Fatal(err)
	}
	if ids, err := r.List(); r.Exists() || err != nil || len(ids) != 0 {
		t.Errorf("got %v, %v", ids, err)
	}
	_, err = r.Open("web1", true)
	if got := problem(t, err, diag.State); !strings.Contains(got, "does not exist") {
		t.Error(got)
	}
}

func TestRootMustNotBeTheRootDirectory(t *testing.T) {
	link := filepath.Join(t.TempDir(), "link")
	must(os.Symlink("/", link))
	for _, path := range []string{"/", "/..", link} {
		_, err := OpenRoot(path, true)
		problem(t, err, diag.Usage)
	}
}

func TestRootIsTheOwnersAndStickyInTheRuntimeDirectory(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("XDG_RUNTIME_DIR", dir+"/run")
	for path, want := range map[string]fs.FileMode{
		dir + "/run/rt":    0o700 | fs.ModeDir | fs.ModeSticky,
		dir + "/runner/rt": 0o700 | fs.ModeDir,
	} {
		r, err := OpenRoot(path, true)
		if err != nil {
			t.Fatal(err)
		}
		r.Close()
		if st, err := os.Stat(path); err != nil || st.Mode() != want {
			t.Errorf("%s: %v, want %v", path, st.Mode(), want)
		}
	}
}

func TestDefaultRoot(t *testing.T) {
	for name, c := range map[string]struct {
		euid   int
		userNS bool
		env    map[string]string
		want   string
	}{
		"root":                         {0, false, nil, "/run/rt"},
		"root by sudo -E":              {0, false, map[string]string{"XDG_RUNTIME_DIR": "/run/user/1000"}, "/run/rt"},
		"user":                         {1000, false, map[string]string{"XDG_RUNTIME_DIR": "/run/user/1000"}, "/run/user/1000/rt"},
		"user without a runtime dir":   {1000, false, nil, "/run/rt"},
		"user with a relative one":     {1000, false, map[string]string{"XDG_RUNTIME_DIR": "run"}, "/run/rt"},
		"mapped root of podman":        {0, true, map[string]string{"XDG_RUNTIME_DIR": "/run/user/1000", "USER": "me"}, "/run/user/1000/rt"},
		"mapped root, by name too":     {0, true, map[string]string{"XDG_RUNTIME_DIR": "/run/user/0", "USER": "root"}, "/run/rt"},
		"mapped root, no runtime dir":  {0, true, nil, "/run/rt"},
		"user inside a user namespace": {1000, true, map[string]string{"XDG_RUNTIME_DIR": "/x"}, "/x/rt"},
	} {
		got := defaultRoot(c.euid, func() bool { return c.userNS }, func(k string) string { return c.env[k] })
		if got != c.want {
			t.Errorf("%s: got %s, want %s", name, got, c.want)
		}
	}
}

func TestLockKeepsOthersOut(t *testing.T) {
	r := openTemp(t)
	c := create(t, r, "web1")
	lockWait = 50 * time.Millisecond
	defer func() { lockWait = 10 * time.Second }()

	_, err := r.Open("web1", true)
	got := problem(t, err, diag.State)
	if want := fmt.Sprintf("is in use by process %d (", os.Getpid()); !strings.Contains(got, want) || !strings.Contains(got, "waited 50ms") {
		t.Errorf("got %s, want %s", got, want)
	}
	// Readers don't wait.
	reader, err := r.Open("web1", false)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	if _, err := reader.State(); err != nil {
		t.Error(err)
	}
	c.Unlock()
	if err := reader.Lock(); err != nil {
		t.Error(err)
	}
	if err := c.Lock(); err == nil {
		t.Error("locked twice")
	}
}

func TestChangeWithoutTheLockIsABug(t *testing.T) {
	r := openTemp(t)
	c := create(t, r, "web1")
	c.Unlock()
	for name, f := range map[string]func() error{
		"Save": func() error { return c.Save(sample("web1")) }, "SaveConfig": func() error { return c.SaveConfig(nil) }, "Remove": c.Remove,
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s without the lock", name)
				}
			}()
			_ = f()
		}()
	}
}

func TestReadingAContainerThatIsDeleted(t *testing.T) {
	r := openTemp(t)
	c := create(t, r, "web1")
	reader, err := r.Open("web1", false)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	must(c.Remove())
	_, err = reader.State()
	if got := problem(t, err, diag.State); !strings.Contains(got, "does not exist") {
		t.Error(got)
	}
}

func TestWaitingForAContainerThatIsDeleted(t *testing.T) {
	r := openTemp(t)
	c := create(t, r, "web1")
	done := make(chan error)
	go func() {
		_, err := r.Open("web1", true)
		done <- err
	}()
	time.Sleep(20 * time.Millisecond) // let it find the lock taken; if it is late, the answer is the same
	if err := c.Remove(); err != nil {
		t.Fatal(err)
	}
	if got := problem(t, <-done, diag.State); !strings.Contains(got, "does not exist") {
		t.Error(got)
	}
}

// Many that create and delete the same id: at no time do two of them hold it.
func TestCreateDeleteRace(t *testing.T) {
	r := openTemp(t)
	var inside, made atomic.Int32
	var wg sync.WaitGroup
	hold := func(c *Container) {
		if inside.Add(1) != 1 {
			t.Error("two hold the same container")
		}
		if !c.here() {
			t.Error("holds a directory that is gone")
		}
		inside.Add(-1)
	}
	for range 4 {
		wg.Add(2)
		go func() {
			defer wg.Done()
			for range 50 {
				if c, err := r.Create("web1"); err == nil {
					made.Add(1)
					hold(c)
					c.Close()
				}
			}
		}()
		go func() {
			defer wg.Done()
			for range 50 {
				c, err := r.Open("web1", true)
				if err != nil {
					continue
				}
				hold(c)
				if err := c.Remove(); err != nil {
					t.Error(err)
				}
			}
		}()
	}
	wg.Wait()
	if made.Load() == 0 {
		t.Error("nobody has made it")
	}
}

func TestInterruptedCreate(t *testing.T) {
	r := openTemp(t)
	c, err := r.Create("web1")
	if err != nil {
		t.Fatal(err)
	}
	s, err := c.State()
	if err != nil || s.ID != "web1" || s.Phase != Creating || time.Since(s.Created) > time.Minute || int(s.Owner) != os.Geteuid() {
		t.Errorf("got %+v, %v", s, err)
	}
	if got := c.Status(s, nil); got != Creating {
		t.Errorf("its creator sees it %s", got)
	}
	reader, err := r.Open("web1", false)
	if err != nil {
		t.Fatal(err)
	}
	if got := reader.Status(s, nil); got != Creating {
		t.Errorf("a reader sees it %s", got)
	}
	c.Close() // as the kernel does it for a process that is killed
	if got := reader.Status(s, nil); got != Stopped {
		t.Errorf("without its creator it is %s", got)
	}
	if err := reader.Lock(); err != nil {
		t.Fatal(err)
	}
	if got := reader.Status(s, nil); got != Stopped {
		t.Errorf("who deletes it sees it %s", got)
	}
	if err := reader.Remove(); err != nil {
		t.Error(err)
	}
}

func TestStatusOfALiveProcess(t *testing.T) {
	r := openTemp(t)
	c := create(t, r, "web1")
	s := sample("web1")
	s.Pid = os.Getpid()
	var err error
	if s.StartTime, err = StartTime(s.Pid); err != nil {
		t.Fatal(err)
	}
	if got := c.Status(s, nil); got != Running {
		t.Errorf("got %s", got)
	}
	must(os.WriteFile(c.Path(StartSocket), nil, 0o600))
	if got := c.Status(s, func() bool { return false }); got != Created {
		t.Errorf("with a start socket: got %s", got)
	}
	if got := c.Status(s, func() bool { return true }); got != Paused {
		t.Errorf("frozen: got %s", got)
	}
	s.StartTime++
	if got := c.Status(s, nil); got != Stopped {
		t.Errorf("another process has its pid: got %s", got)
	}
}

// A process that makes and removes a container is killed at random moments. What it leaves must be listed, readable and removable each time.
func TestSIGKILLAtAnyMoment(t *testing.T) {
	r := openTemp(t)
	left := map[string]int{}
	for i := range 40 {
		cmd := child(t, "churn", r.Path())
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(15*time.Millisecond + rand.N(5*time.Millisecond))
		_ = cmd.Process.Kill()
		_ = cmd.Wait()

		ids, err := r.List()
		if err != nil {
			t.Fatal(err)
		}
		if len(ids) == 0 {
			left["nothing"]++
			continue
		}
		c, err := r.Open("web1", true)
		if err != nil {
			t.Fatalf("round %d: %v", i, err)
		}
		s, err := c.State()
		if err != nil {
			t.Fatalf("round %d: %v", i, err)
		}
		if got := c.Status(s, nil); got != Stopped {
			t.Errorf("round %d: %s", i, got)
		}
		left[string(s.Phase)]++
		if err := c.Remove(); err != nil {
			t.Fatalf("round %d: %v", i, err)
		}
	}
	t.Logf("left behind: %v", left)
	if left[string(Creating)]+left[string(Created)] == 0 {
		t.Error("no process was killed while a container was there: the test proves nothing")
	}
}

func TestLockGoesWithItsProcess(t *testing.T) {
	r := openTemp(t)
	cmd := child(t, "hold", r.Path())
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill() }()
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "locked\n" {
		t.Fatalf("%q, %v", line, err)
	}
	c, err := r.Open("web1", false)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if !c.busy() {
		t.Fatal("the other process does not hold the lock")
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	if err := c.Lock(); err != nil {
		t.Error(err)
	}
}

func TestFullAndReadOnlyDirectory(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: mounts a tmpfs")
	}
	dir := t.TempDir()
	if err := unix.Mount("none", dir, "tmpfs", 0, "size=16k"); err != nil {
		t.Skipf("mount(2) of a tmpfs: %v", err)
	}
	t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
	r, err := OpenRoot(dir+"/rt", true)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	c, err := r.Create("web1")
	if err != nil {
		t.Fatal(err)
	}
	must(c.Save(sample("web1")))
	err = c.SaveConfig(make([]byte, 1<<20))
	if got := problem(t, err, diag.Kernel); !strings.Contains(got, "write(2): no space left on device (ENOSPC)") {
		t.Error(got)
	}
	if c.has(configFile) || c.has(configFile+".new") {
		t.Error("half a file was left")
	}
	if err := unix.Mount("none", dir, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	_, err = r.Create("web2")
	if got := problem(t, err, diag.Kernel); !strings.Contains(got, "mkdirat(2): read-only file system (EROFS)") {
		t.Error(got)
	}
	if _, err := c.State(); err != nil {
		t.Errorf("a read-only directory can't be read: %v", err)
	}
	if err := unix.Mount("none", dir, "", unix.MS_REMOUNT, ""); err != nil {
		t.Fatal(err)
	}
	if err := c.Remove(); err != nil {
		t.Error(err)
	}
}

func TestDamagedContainerCanBeRemoved(t *testing.T) {
	r := openTemp(t)
	c := create(t, r, "web1")
	must(os.WriteFile(c.Path(stateFile), nil, 0o600)) // what a file system may leave when the power goes
	_, err := c.State()
	problem(t, err, diag.State)
	if err := c.Remove(); err != nil {
		t.Error(err)
	}
}

func TestPathThatNoJSONCanHold(t *testing.T) {
	c := create(t, openTemp(t), "web1")
	s := sample("web1")
	s.Bundle = "/b/\xff"
	if got := problem(t, c.Save(s), diag.Document); !strings.Contains(got, `"/b/\xff" is not UTF-8`) {
		t.Error(got)
	}
}

func TestSocketPathFitsAnyRoot(t *testing.T) {
	r, err := OpenRoot(filepath.Join(t.TempDir(), strings.Repeat("d", 100)), true)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	c := create(t, r, strings.Repeat("x", 64))
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if err := unix.Bind(fd, &unix.SockaddrUnix{Name: c.SocketPath(StartSocket)}); err != nil {
		t.Fatal(err)
	}
	if !c.has(StartSocket) {
		t.Error("the socket is elsewhere")
	}
}

func TestLockOwner(t *testing.T) {
	const locks = `1: POSIX  ADVISORY  WRITE 10 00:1b:77 0 EOF
2: FLOCK  ADVISORY  WRITE 11 00:1b:177 0 EOF
3: FLOCK  ADVISORY  WRITE 12 00:1b:77 0 EOF
3: -> FLOCK  ADVISORY  WRITE 13 00:1b:77 0 EOF
`
	if got := lockOwner(locks, 77); got != 12 {
		t.Errorf("got %d", got)
	}
	if got := lockOwner(locks, 7); got != 0 {
		t.Errorf("got %d", got)
	}
}

func BenchmarkSaveAndLoad(b *testing.B) {
	r := openTemp(b)
	c := create(b, r, "web1")
	s := sample("web1")
	for b.Loop() {
		if err := c.Save(s); err != nil {
			b.Fatal(err)
		}
		if _, err := c.State(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCreateRemove(b *testing.B) {
	r := openTemp(b)
	for b.Loop() {
		c, err := r.Create("web1")
		if err != nil {
			b.Fatal(err)
		}
		if err := c.Remove(); err != nil {
			b.Fatal(err)
		}
	}
}
