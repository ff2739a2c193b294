package cgroup

import (
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"rt/libcontainer/host"

	"golang.org/x/sys/unix"
)

// nest makes cgroups below dir, each in the one before, and returns a descriptor of the last.
func nest(t *testing.T, dir string, depth int) int {
	t.Helper()
	fd, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	name := strings.Repeat("n", 200)
	for range depth {
		if err := unix.Mkdirat(fd, name, 0o755); err != nil {
			t.Fatal(err)
		}
		next, err := unix.Openat(fd, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		_ = unix.Close(fd)
		fd = next
	}
	return fd
}

// writeAt writes to a file of the cgroup that fd is of.
func writeAt(t *testing.T, fd int, file, text string) {
	t.Helper()
	f, err := unix.Openat(fd, file, unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(file, err)
	}
	defer unix.Close(f)
	if _, err := unix.Write(f, []byte(text)); err != nil {
		t.Fatal(file, err)
	}
}

// attacked is a cgroup with a process in it, and the directory that tells of its processes.
func attacked(t *testing.T) (g *Group, c *exec.Cmd, dir string) {
	t.Helper()
	g = newGroup(t, nil)
	if err := create(g); err != nil {
		t.Fatal(err)
	}
	c = sleeper(t, g)
	return g, c, g.processesDir()
}

// ends reports whether the process is dead soon.
func ends(c *exec.Cmd) bool {
	done := make(chan bool)
	go func() { _ = c.Wait(); close(done) }()
	select {
	case <-done:
		return true
	case <-time.After(time.Minute):
		return false
	}
}

// TestNestedBeyondPathMax: a container hides a process in a cgroup that no path leads to.
func TestNestedBeyondPathMax(t *testing.T) {
	g, c, dir := attacked(t)
	fd := nest(t, dir, 30) // 6000 bytes; a path has 4096
	writeAt(t, fd, "cgroup.procs", strconv.Itoa(c.Process.Pid))
	_ = unix.Close(fd)
	if pids, err := g.Pids(); err != nil || !slices.Equal(pids, []int{c.Process.Pid}) {
		t.Errorf("Pids: %v, %v, want [%d]", pids, err, c.Process.Pid)
	}
	if err := g.Kill(unix.SIGKILL); err != nil {
		t.Error(err)
	}
	if !ends(c) {
		t.Error("the process lives on")
	}
	if err := g.Destroy(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("%s is left", dir)
	}
}

// TestFrozenBelow: a container freezes a cgroup of its own with itself in it, or all of a chain of them.
func TestFrozenBelow(t *testing.T) {
	g, c, dir := attacked(t)
	fd := nest(t, dir, 3)
	writeAt(t, fd, "cgroup.procs", strconv.Itoa(c.Process.Pid))
	file, text := "freezer.state", "FROZEN"
	if g.mode == host.CgroupV2 {
		file, text = "cgroup.freeze", "1"
	}
	for _, up := range []string{".", "..", "../.."} {
		writeAt(t, fd, up+"/"+file, text)
	}
	if err := g.Kill(unix.SIGKILL); err != nil {
		t.Error(err)
	}
	if !ends(c) {
		t.Error("the process lives on")
		if g.mode != host.CgroupV2 { // or the test would wait for it
			for _, up := range []string{".", "..", "../.."} {
				writeAt(t, fd, up+"/"+file, "THAWED")
			}
		}
	}
	_ = unix.Close(fd)
}

// TestManyBelow: there are more cgroups than a process may have open files.
func TestManyBelow(t *testing.T) {
	g, _, dir := attacked(t)
	for i := range 1500 {
		if err := unix.Mkdir(dir+"/"+strconv.Itoa(i)+" :\\x (deleted)", 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if pids, err := g.Pids(); err != nil || len(pids) != 1 {
		t.Errorf("Pids: %v, %v", pids, err)
	}
}

// TestComingAndGoing: cgroups come and go while they are looked at.
func TestComingAndGoing(t *testing.T) {
	g, c, dir := attacked(t)
	stop, stopped := make(chan bool), make(chan bool)
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
			}
			for _, name := range []string{"/a", "/a/b", "/a/b/c"} {
				_ = unix.Mkdir(dir+name, 0o755)
			}
			for _, name := range []string{"/a/b/c", "/a/b", "/a"} {
				_ = unix.Rmdir(dir + name)
			}
		}
	}()
	for range 300 {
		if pids, err := g.Pids(); err != nil || !slices.Equal(pids, []int{c.Process.Pid}) {
			t.Errorf("Pids: %v, %v, want [%d]", pids, err, c.Process.Pid)
			break
		}
	}
	close(stop)
	<-stopped
}

// TestKilledBefore: a cgroup that was there before the container takes another one, after the first was killed.
func TestKilledBefore(t *testing.T) {
	maker := newGroup(t, nil)
	if err := create(maker); err != nil {
		t.Fatal(err)
	}
	maker.Close()
	for range 2 {
		g, err := New(maker.config)
		if err == nil {
			err = create(g)
		}
		if err != nil {
			t.Fatal(err)
		}
		fd, err := g.OpenDir()
		if err != nil {
			t.Fatal(err)
		}
		if fd >= 0 {
			c := exec.Command("true")
			c.SysProcAttr = &unix.SysProcAttr{UseCgroupFD: true, CgroupFD: fd}
			if out, err := c.CombinedOutput(); err != nil {
				t.Errorf("a process born in it: %v %s", err, out)
			}
		}
		c := sleeper(t, g)
		if err := g.Kill(unix.SIGKILL); err != nil {
			t.Error(err)
		}
		if !ends(c) {
			t.Fatal("the process lives on")
		}
		if err := g.Destroy(); err != nil {
			t.Error(err)
		}
	}
}

// TestClaim: while a container is made in a cgroup, no other is.
func TestClaim(t *testing.T) {
	g := newGroup(t, nil)
	if err := create(g); err != nil {
		t.Fatal(err)
	}
	again, err := New(g.config)
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Create(); err == nil ||
		!strings.Contains(err.Error(), "another container is being made or removed in "+g.processesDir()) {
		t.Errorf("%v", err)
	}
	g.Close()
	if err := again.Create(); err != nil {
		t.Errorf("after the first has closed: %v", err)
	}
	again.Close()
}

// TestThreadedBelow: a process whose threads are in cgroups of their own is one process, and gets a signal once.
func TestThreadedBelow(t *testing.T) {
	if os.Getenv("RT_TEST_THREADS") != "" {
		time.Sleep(time.Minute) // Go has several threads by itself
	}
	g, _, dir := attacked(t)
	if g.mode != host.CgroupV2 {
		t.Skip("SKIP: threaded cgroups are of v2")
	}
	c := exec.Command(os.Args[0], "-test.run", "^TestThreadedBelow$")
	c.Env = append(os.Environ(), "RT_TEST_THREADS=1")
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Process.Kill(); _ = c.Wait() })
	if err := g.Attach(c.Process.Pid); err != nil {
		t.Fatal(err)
	}
	var threads []os.DirEntry
	for len(threads) < 3 {
		time.Sleep(10 * time.Millisecond)
		threads, _ = os.ReadDir("/proc/" + strconv.Itoa(c.Process.Pid) + "/task")
	}
	if err := unix.Mkdir(dir+"/below", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := writeFile(dir+"/below", "cgroup.type", "threaded"); err != nil {
		t.Fatal(err)
	}
	for _, thread := range threads[1:] {
		if err := writeFile(dir+"/below", "cgroup.threads", thread.Name()); err != nil {
			t.Fatal(err)
		}
	}
	if pids, err := g.Pids(); err != nil || len(pids) != 2 || !slices.Contains(pids, c.Process.Pid) {
		t.Errorf("Pids: %v, %v, want two with %d; its threads are %v", pids, err, c.Process.Pid, threads)
	}
	// And where the cgroup itself is threaded.
	if pids, err := processesAt(dir + "/below"); err != nil || !slices.Equal(pids, []int{c.Process.Pid}) {
		t.Errorf("of the threaded cgroup: %v, %v, want [%d]", pids, err, c.Process.Pid)
	}
	if err := g.Kill(unix.SIGKILL); err != nil {
		t.Error(err)
	}
	if !ends(c) {
		t.Error("the process lives on")
	}
}

// TestWalkOfRenamed renames what the walk has listed and not visited yet, as a container can on cgroup v1.
func TestWalkOfRenamed(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a", "b", "c", "c/d"} {
		if err := os.Mkdir(dir+"/"+name, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	names := map[string]string{"a": "b.new", "b": "c.new", "c": "a.new"}
	visits := make(map[uint64]int)
	err := walk(dir, func(fd int) error {
		var st unix.Stat_t
		if err := unix.Fstat(fd, &st); err != nil {
			return err
		}
		visits[st.Ino]++
		if len(visits) == 2 { // the first child: the others get new names
			for from, to := range names {
				_ = os.Rename(dir+"/"+from, dir+"/"+to)
			}
		}
		return nil
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(visits) != 5 {
		t.Errorf("%d of 5 are visited", len(visits))
	}
	for ino, n := range visits {
		if n != 1 {
			t.Errorf("inode %d is visited %d times", ino, n)
		}
	}
}

// TestWalkOfExchanged gives the name of what was visited to what was not.
func TestWalkOfExchanged(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a", "b"} {
		if err := os.Mkdir(dir+"/"+name, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	visits := make(map[uint64]int)
	err := walk(dir, func(fd int) error {
		var st unix.Stat_t
		if err := unix.Fstat(fd, &st); err != nil {
			return err
		}
		if visits[st.Ino]++; len(visits) == 2 {
			return unix.Renameat2(unix.AT_FDCWD, dir+"/a", unix.AT_FDCWD, dir+"/b", unix.RENAME_EXCHANGE)
		}
		return nil
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(visits) != 3 {
		t.Errorf("%d of 3 are visited", len(visits))
	}
	for ino, n := range visits {
		if n != 1 {
			t.Errorf("inode %d is visited %d times", ino, n)
		}
	}
}
