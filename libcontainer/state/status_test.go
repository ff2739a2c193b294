package state

import (
	"errors"
	"os"
	"runtime"
	"strings"
	"testing"

	"rt/internal/diag"
)

func TestDerive(t *testing.T) {
	const (
		alive = 1 << iota
		busy
		socket
		frozen
	)
	for _, c := range []struct {
		phase    Status
		evidence int
		want     Status
	}{
		{Creating, busy, Creating},
		{Creating, busy | alive | socket, Creating},
		{Creating, 0, Stopped},
		{Creating, alive | socket, Stopped}, // the creator is gone, and the boot process is going
		{Created, alive | socket, Created},
		{Created, alive | socket | busy, Created}, // some command is at work; that is not creation
		{Created, alive | socket | frozen, Paused},
		{Created, alive, Running},
		{Created, alive | frozen, Paused},
		{Created, 0, Stopped},
		// An init that was killed removes no socket, and an empty cgroup may stay frozen.
		{Created, socket | frozen, Stopped},
		{Running, alive, Running},
		{Stopped, alive, Running}, // a recorded phase is no evidence
		{"", 0, Stopped},
	} {
		asked := false
		got := Derive(c.phase, Evidence{
			Alive: c.evidence&alive != 0, Busy: c.evidence&busy != 0, StartSocket: c.evidence&socket != 0,
			Frozen: func() bool { asked = true; return c.evidence&frozen != 0 },
		})
		if got != c.want {
			t.Errorf("%s with %04b: got %s, want %s", c.phase, c.evidence, got, c.want)
		}
		if asked && (got == Stopped || got == Creating) {
			t.Errorf("%s with %04b: read the freezer of a container that is %s", c.phase, c.evidence, got)
		}
	}
	if got := Derive(Created, Evidence{Alive: true}); got != Running {
		t.Errorf("without a freezer: got %s", got)
	}
}

var (
	allOps      = []Op{Start, Pause, Resume, Kill, Delete, Exec, Update, Ps, Events, Checkpoint}
	allStatuses = []Status{Creating, Created, Running, Paused, Stopped}
)

// Every pair is either a move or a refusal with words: refusal panics where a row is missing.
func TestEveryPairHasAnAnswer(t *testing.T) {
	refused := 0
	for _, op := range allOps {
		allowed := 0
		for _, st := range allStatuses {
			err := Allow(op, "web1", st)
			if legal(op, st) != (err == nil) {
				t.Errorf("%s of %s: %v", op, st, err)
			}
			if err == nil {
				allowed++
				continue
			}
			refused++
			var e *diag.Error
			if !errors.As(err, &e) || e.Kind != diag.State || e.Problem == "" || strings.ContainsAny(e.Problem, "{}") {
				t.Errorf("%s of %s: %#v", op, st, err)
			}
		}
		if allowed == 0 {
			t.Errorf("%s is never allowed", op)
		}
		if Allow(op, "web1", Creating) == nil {
			t.Errorf("%s is allowed while the container is made", op)
		}
	}
	if len(lifecycle) < 20 || refused < 20 {
		t.Errorf("%d moves, %d refusals: has the table moved?", len(lifecycle), refused)
	}
}

// What other programs look for in the text, as their sources do it.
func TestWordsThatEnginesDecideBy(t *testing.T) {
	_, unknown := openTemp(t).Open("web1", true)
	for name, c := range map[string]struct {
		err  error
		find func(text string) bool
	}{
		"containerd: kill of a dead container is done": {
			Allow(Kill, "web1", Stopped), func(s string) bool {
				return strings.Contains(strings.ToLower(s),
					"container not running")
			},
		},
		"CRI-O: the same, in lower case only": {
			Allow(Kill, "web1", Stopped), func(s string) bool { return strings.Contains(s, "container not running") },
		},
		"exec in a stopped container": {
			Allow(Exec, "web1", Stopped), func(s string) bool { return strings.Contains(s, "container not running") },
		},
		"containerd: not found": {
			unknown, func(s string) bool { return strings.Contains(s, `container "web1" does not exist`) },
		},
		"runc: delete": {
			Allow(Delete, "web1", Running), func(s string) bool {
				return s == "cannot delete container web1 that is "+
					"not stopped: running"
			},
		},
		"runc: start twice": {
			Allow(Start, "web1", Running), func(s string) bool {
				return s == "cannot start an already running "+
					"container"
			},
		},
		"runc: start of a stopped one": {
			Allow(Start, "web1", Stopped), func(s string) bool {
				return s == "cannot start a container that has "+
					"stopped"
			},
		},
		"runc: resume": {
			Allow(Resume, "web1", Running), func(s string) bool { return strings.HasPrefix(s, "container not paused") },
		},
		"runc: id in use": {
			inUse("web1"), func(s string) bool { return strings.Contains(s, "container with given ID already exists") },
		},
		"runc: bad id": {
			CheckID("a/b"), func(s string) bool { return strings.Contains(s, "invalid container ID format") },
		},
	} {
		if c.err == nil || !c.find(c.err.Error()) {
			t.Errorf("%s: %v", name, c.err)
		}
	}
}

// TestReadingIsCheap holds the memory that one container of a `rt list` takes.
func TestReadingIsCheap(t *testing.T) {
	r, err := OpenRoot(t.TempDir(), true)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	start, err := StartTime(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	c := create(t, r, "web1")
	s := &State{
		ID: "web1", Phase: Created, Pid: os.Getpid(), StartTime: start,
		Cgroup: Cgroup{Driver: "cgroupfs", Paths: map[string]string{"": "/sys/fs/cgroup/web1"}},
	}
	if err := c.Save(s); err != nil {
		t.Fatal(err)
	}
	c.Close()
	const runs, limit = 100, 2600
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range runs {
		c, err := r.Open("web1", false)
		if err != nil {
			t.Fatal(err)
		}
		s, err := c.State()
		if err != nil {
			t.Fatal(err)
		}
		if status, err := c.Status(s, nil, nil); status != Running || err != nil {
			t.Fatal(status, err)
		}
		c.Close()
	}
	runtime.ReadMemStats(&after)
	bytes := (after.TotalAlloc - before.TotalAlloc) / runs
	t.Logf("%d bytes and %d allocations, of %d bytes", bytes, (after.Mallocs-before.Mallocs)/runs, limit)
	if bytes > limit {
		t.Errorf("%d bytes for each container, want at most %d", bytes, limit)
	}
}
