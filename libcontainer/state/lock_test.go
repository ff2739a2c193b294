package state

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
)

func TestLockKeepsOthersOut(t *testing.T) {
	r := openTemp(t)
	c := create(t, r, "web1")
	lockWait = 50 * time.Millisecond
	defer func() { lockWait = 10 * time.Second }()

	_, err := r.Open("web1", true)
	got := problem(t, err, diag.State)
	if want := fmt.Sprintf("is in use by process %d (", os.Getpid()); !strings.Contains(got, want) ||
		!strings.Contains(got, "waited 50ms") {
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
		"Save": func() error { return c.Save(sample("web1")) }, "SaveConfig": func() error { return c.SaveConfig(nil) },
		"Remove": c.Remove,
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
	if got := problem(t, <-done, diag.Absent); !strings.Contains(got, "does not exist") {
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
		if !c.exists() {
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

func TestLockOwner(t *testing.T) {
	const locks = `1: POSIX  ADVISORY  WRITE 10 00:1b:77 0 EOF
2: FLOCK  ADVISORY  WRITE 11 00:1b:177 0 EOF
3: FLOCK  ADVISORY  WRITE 14 00:1c:77 0 EOF
3: FLOCK  ADVISORY  READ 15 00:1b:77 0 EOF
3: FLOCK  ADVISORY  WRITE 12 00:1b:77 0 EOF
3: -> FLOCK  ADVISORY  WRITE 13 00:1b:77 0 EOF
`
	if got := lockOwner(locks, &unix.Stat_t{Dev: unix.Mkdev(0, 0x1b), Ino: 77}); got != 12 {
		t.Errorf("got %d", got)
	}
	if got := lockOwner(locks, &unix.Stat_t{Dev: unix.Mkdev(0, 0x1b), Ino: 7}); got != 0 {
		t.Errorf("got %d", got)
	}
}
