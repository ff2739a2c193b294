package cgroup

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"
	"time"

	"rt/libcontainer/host"

	"golang.org/x/sys/unix"
)

// takeAgain makes a container's Group in the cgroup of another one that has ended.
func takeAgain(t *testing.T, first *Group) *Group {
	t.Helper()
	first.Close() // the lock of claim
	next, err := New(first.config)
	if err != nil {
		t.Fatal(err)
	}
	if err := create(next); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(next.Close)
	return next
}

// loadEnded loads the Group of a container whose first process has ended.
func loadEnded(t *testing.T, s Saved) *Group {
	t.Helper()
	g, err := Load(s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.Close)
	g.LeaveToOthers()
	return g
}

func TestOwner(t *testing.T) {
	first := newGroup(t, nil)
	if err := create(first); err != nil {
		t.Fatal(err)
	}
	if !loadEnded(t, first.Saved()).Available() {
		t.Error("a container has lost the cgroup that no other one has taken")
	}
	older := first.Saved()
	older.Owner = ""
	second := takeAgain(t, first)
	if loadEnded(t, first.Saved()).Available() {
		t.Error("a container that has ended still has the cgroup of another one")
	}
	if loadEnded(t, older).Available() {
		t.Error("a container of an older rt that has ended still has the cgroup of another one")
	}
	if !loadEnded(t, second.Saved()).Available() {
		t.Error("the container that has taken the cgroup has lost it")
	}
	if len(second.Saved().Preexisting) > 0 {
		t.Error("a cgroup that an earlier container has made is not removed with the last one")
	}
}

func TestOwnerUnnamed(t *testing.T) {
	first := newGroup(t, nil)
	if err := create(first); err != nil {
		t.Fatal(err)
	}
	// As an older rt has made it, or one without CAP_SYS_ADMIN.
	if err := unix.Removexattr(first.processesDir(), ownerAttr); err != nil {
		t.Fatal(err)
	}
	for _, owner := range []string{"", first.owner} {
		s := first.Saved()
		s.Owner = owner
		if !loadEnded(t, s).Available() {
			t.Errorf("owner %q: a container has lost a cgroup that names none", owner)
		}
	}
}

func TestOwnerOfKeptCgroup(t *testing.T) {
	g := newGroup(t, nil)
	for i := range g.hierarchies {
		if err := (&lifecycle{cgroupSet: g.cgroupSet}).makeIn(&g.hierarchies[i]); err != nil {
			t.Fatal(err)
		}
	}
	first := takeAgain(t, g)
	for range 2 {
		if n := len(first.Saved().Preexisting); n != len(g.hierarchies) {
			t.Errorf("%d cgroups are kept of %d that existed before the first container", n, len(g.hierarchies))
		}
		first = takeAgain(t, first)
	}
}

// TestOwnerHeld: while a container that has ended is deleted, no other one is made in its cgroup.
func TestOwnerHeld(t *testing.T) {
	first := newGroup(t, nil)
	if err := create(first); err != nil {
		t.Fatal(err)
	}
	first.Close()
	held := loadEnded(t, first.Saved())
	next, err := New(first.config)
	if err != nil {
		t.Fatal(err)
	}
	defer next.Close()
	made := make(chan error)
	go func() { made <- create(next) }()
	select {
	case err := <-made:
		t.Fatalf("made while the first one is deleted: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	if err := held.Destroy(); err != nil {
		t.Fatal(err)
	}
	if err := <-made; err != nil {
		t.Fatalf("after it was deleted: %v", err)
	}
	if len(next.Saved().Preexisting) > 0 {
		t.Error("a cgroup that it has made would stay")
	}
	for _, h := range next.Hierarchies() {
		if _, err := os.Stat(h.Path); err != nil {
			t.Error(err)
		}
	}
}

// TestOwnerHeldForever: a process of the container that holds the lock delays its delete only.
func TestOwnerHeldForever(t *testing.T) {
	first := newGroup(t, nil)
	if err := create(first); err != nil { // the lock stays
		t.Fatal(err)
	}
	if !loadEnded(t, first.Saved()).Available() {
		t.Error("a container has lost the cgroup that no other one has taken")
	}
	second := first.Saved()
	second.Owner = "another"
	if loadEnded(t, second).Available() {
		t.Error("a container has the cgroup of one that is being made")
	}
}

// TestOwnerOfUser: without CAP_SYS_ADMIN the parent of a cgroup names its container.
func TestOwnerOfUser(t *testing.T) {
	needRights(t)
	above := root + "/rt-test-owner-" + strconv.Itoa(os.Getpid())
	if Mode() == host.CgroupHybrid {
		above = root + "/unified/rt-test-owner-" + strconv.Itoa(os.Getpid())
	}
	var st unix.Statfs_t
	if unix.Statfs(filepath.Dir(above), &st) != nil || st.Type != unix.CGROUP2_SUPER_MAGIC {
		t.Skip("SKIP: cgroup2 alone has attributes of users")
	}
	if err := os.Mkdir(above, 0o755); err != nil {
		t.Fatal(err)
	}
	const nobody = 65534
	dir := above + "/web1"
	defer os.Remove(above)
	defer os.Remove(dir)
	if err := os.Chown(above, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and not unlocked: the thread ends with the goroutine
		if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, nobody, nobody, nobody); errno != 0 {
			t.Error(errno)
			return
		}
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Error(err)
			return
		}
		for i := range 200 { // more than the kernel keeps: those of an rt that was killed
			_ = unix.Setxattr(above, userOwnerAttr+"old"+strconv.Itoa(i), []byte("x"), 0)
		}
		setOwner(dir, "mine")
		if mark, named := ownerOf(dir); !named || mark != "mine" {
			t.Errorf("the name is %q, %v", mark, named)
		}
		g := ownership{&cgroupSet{rootless: true, hierarchies: []hierarchy{{v2: true, dir: dir}}, owner: "mine"}}
		if g.IsTaken() {
			t.Error("the cgroup is another container's")
		}
		if g.owner = "first"; !g.IsTaken() {
			t.Error("a container that has ended still has the cgroup of another one")
		}
		// Something else than rt removes the cgroup, and an engine makes one of that path.
		if err := os.Remove(dir); err != nil {
			t.Error(err)
		}
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Error(err)
		}
		if mark, named := ownerOf(dir); named {
			t.Errorf("the later cgroup has the name %q of the earlier one", mark)
		}
		setOwner(dir, "first")
		g.removeName()
		if _, named := ownerOf(dir); named {
			t.Error("the name is left")
		}
	}()
	<-done
}

// TestManagerDir: what is locked for a unit is a cgroup of the systemd that makes it.
func TestManagerDir(t *testing.T) {
	needRights(t)
	const nobody = 65534
	base, err := os.MkdirTemp("/tmp", "rt-test-manager") //nolint:usetesting // TempDir is in a folder of root alone
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(base)
	manager := base + "/user.slice/user@1.service"
	dir := manager + "/app.slice/rt-web1.scope"
	for at := dir; len(at) >= len(base); at = filepath.Dir(at) {
		if err := errors.Join(os.MkdirAll(at, 0o755), os.WriteFile(at+"/cgroup.procs", nil, 0o644)); err != nil {
			t.Fatal(err)
		}
		if len(at) >= len(manager) {
			if err := os.Chown(at+"/cgroup.procs", nobody, nobody); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := os.Chmod(base, 0o755); err != nil {
		t.Fatal(err)
	}
	h := &hierarchy{base: base, dir: dir}
	if got := managerDir(h); got != base {
		t.Errorf("root locks %s", got)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and not unlocked: the thread ends with the goroutine
		if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, nobody, nobody, nobody); errno != 0 {
			t.Error(errno)
			return
		}
		if got := managerDir(h); got != manager {
			t.Errorf("a user locks %s", got)
		}
		_ = unix.Chmod(manager+"/cgroup.procs", 0o444)
		if got := managerDir(h); got != manager+"/app.slice" {
			t.Errorf("without rights over %s a user locks %s", manager, got)
		}
	}()
	<-done
}
