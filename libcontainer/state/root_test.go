package state

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rt/internal/diag"
)

func TestCheckID(t *testing.T) {
	for _, id := range []string{"a", "web-1_2+3.4", "-", "...", "A.B", strings.Repeat("x", 255)} {
		if err := CheckID(id); err != nil {
			t.Errorf("%q: %v", id, err)
		}
	}
	r := openTemp(t)
	for _, id := range []string{
		"", ".", "..", "a/b", "../x", "a b", "a\x00b", "ä", "a:b", "\xff",
		strings.Repeat("x", 256),
	} {
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
	if got := problem(t, err, diag.Absent); !strings.Contains(got, "does not exist") {
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
		"root":            {0, false, nil, "/run/rt"},
		"root by sudo -E": {0, false, map[string]string{"XDG_RUNTIME_DIR": "/run/user/1000"}, "/run/rt"},
		"user": {
			1000, false,
			map[string]string{"XDG_RUNTIME_DIR": "/run/user/1000"},
			"/run/user/1000/rt",
		},
		"user without a runtime dir": {1000, false, nil, "/run/rt"},
		"user with a relative one":   {1000, false, map[string]string{"XDG_RUNTIME_DIR": "run"}, "/run/rt"},
		"mapped root of podman": {
			0, true,
			map[string]string{"XDG_RUNTIME_DIR": "/run/user/1000", "USER": "me"},
			"/run/user/1000/rt",
		},
		"mapped root, by name too": {
			0, true,
			map[string]string{"XDG_RUNTIME_DIR": "/run/user/0", "USER": "root"},
			"/run/rt",
		},
		"mapped root, no runtime dir":  {0, true, nil, "/run/rt"},
		"user inside a user namespace": {1000, true, map[string]string{"XDG_RUNTIME_DIR": "/x"}, "/x/rt"},
	} {
		got := defaultRoot(c.euid, func() bool { return c.userNS }, func(k string) string { return c.env[k] })
		if got != c.want {
			t.Errorf("%s: got %s, want %s", name, got, c.want)
		}
	}
}
