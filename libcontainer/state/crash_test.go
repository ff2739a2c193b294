package state

import (
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
)

func TestInterruptedCreate(t *testing.T) {
	r := openTemp(t)
	c, err := r.Create("web1")
	if err != nil {
		t.Fatal(err)
	}
	s, err := c.State()
	if err != nil || s.ID != "web1" || s.Phase != Creating || time.Since(s.Created) > time.Minute ||
		int(s.Owner) != os.Geteuid() {
		t.Errorf("got %+v, %v", s, err)
	}
	if got := statusOf(t, c, s, nil); got != Creating {
		t.Errorf("its creator sees it %s", got)
	}
	reader, err := r.Open("web1", false)
	if err != nil {
		t.Fatal(err)
	}
	if got := statusOf(t, reader, s, nil); got != Creating {
		t.Errorf("a reader sees it %s", got)
	}
	c.Close() // as the kernel does it for a process that is killed
	if got := statusOf(t, reader, s, nil); got != Stopped {
		t.Errorf("without its creator it is %s", got)
	}
	if err := reader.Lock(); err != nil {
		t.Fatal(err)
	}
	if got := statusOf(t, reader, s, nil); got != Stopped {
		t.Errorf("who deletes it sees it %s", got)
	}
	if err := reader.Remove(); err != nil {
		t.Error(err)
	}
}

// A process that makes and removes a container is killed at random moments. What it leaves must be listed, readable and
// removable each time.
func TestSIGKILLAtAnyMoment(t *testing.T) {
	r := openTemp(t)
	left := map[string]int{}
	for i := range 40 {
		cmd := child(t, "churn", r.Path())
		begins, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		_, _ = begins.Read(make([]byte, 1))
		time.Sleep(rand.N(5 * time.Millisecond))
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
		if got := statusOf(t, c, s, nil); got != Stopped {
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
