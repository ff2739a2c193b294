package state

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
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
	if got := problem(t, err, diag.Absent); got != `container "web1" does not exist` {
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
	if got := problem(t, err, diag.Absent); !strings.Contains(got, "does not exist") {
		t.Error(got)
	}
}

// statusOf is Container.Status, which has to find out.
func statusOf(t *testing.T, c *Container, s *State, frozen func() bool) Status {
	t.Helper()
	status, err := c.Status(s, nil, frozen)
	if err != nil {
		t.Fatal(err)
	}
	return status
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
	if got := statusOf(t, c, s, nil); got != Running {
		t.Errorf("got %s", got)
	}
	must(os.WriteFile(c.Path(StartSocket), nil, 0o600))
	if got := statusOf(t, c, s, func() bool { return false }); got != Created {
		t.Errorf("with a start socket: got %s", got)
	}
	if got := statusOf(t, c, s, func() bool { return true }); got != Paused {
		t.Errorf("frozen: got %s", got)
	}
	s.StartTime++
	if got := statusOf(t, c, s, nil); got != Stopped {
		t.Errorf("another process has its pid: got %s", got)
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
