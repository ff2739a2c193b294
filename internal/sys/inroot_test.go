package sys

import (
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// rootWith makes a directory with the links of a list, "name -> text", in a directory that must not change.
func rootWith(t *testing.T, links ...string) (root string, fd int) {
	t.Helper()
	root = t.TempDir() + "/in/root"
	must(t, os.MkdirAll(root, 0o755))
	for _, l := range links {
		name, text, _ := strings.Cut(l, " -> ")
		must(t, os.MkdirAll(root+"/"+name[:strings.LastIndexByte("/"+name, '/')], 0o755))
		must(t, os.Symlink(text, root+"/"+name))
	}
	fd, err := unix.Open(root, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	must(t, err)
	t.Cleanup(func() { _ = unix.Close(fd) })
	return root, fd
}

// TestMakeInRoot makes what links lead to, and nothing outside of the root.
func TestMakeInRoot(t *testing.T) {
	for name, c := range map[string]struct {
		links []string
		path  string
		dir   bool
		want  string // in the root
		err   error
	}{
		"no links":                    {nil, "/a/b", true, "a/b", nil},
		"a file":                      {nil, "/a/b", false, "a/b", nil},
		"a link to nothing":           {[]string{"l -> run/real"}, "/l/x", true, "run/real/x", nil},
		"an absolute one":             {[]string{"d/l -> /run/real"}, "/d/l", true, "run/real", nil},
		"a link for a file":           {[]string{"d/l -> ../run/file"}, "/d/l", false, "run/file", nil},
		"out of the root":             {[]string{"l -> ../../../../out"}, "/l/x", true, "out/x", nil},
		"out of the root, absolutely": {[]string{"l -> /../../out"}, "/l/x", true, "out/x", nil},
		"a chain":                     {[]string{"a -> b/c", "b -> d/./e", "d -> //f/"}, "/a", true, "f/e/c", nil},
		"back from what is made":      {[]string{"l -> new/../other"}, "/l", true, "other", nil},
		"a loop":                      {[]string{"a -> b", "b -> a"}, "/a", true, "", unix.ELOOP},
		"the root itself":             {[]string{"l -> /"}, "/l", true, ".", nil},
		"through a file":              {[]string{"l -> file/x"}, "/l", true, "", unix.ENOTDIR},
	} {
		t.Run(name, func(t *testing.T) {
			root, fd := rootWith(t, c.links...)
			must(t, os.WriteFile(root+"/file", nil, 0o644))
			err := MakeInRoot(fd, c.path, c.dir, 0)
			if err != c.err {
				t.Fatalf("error %v, want %v", err, c.err)
			}
			for _, above := range []string{"/..", "/../.."} {
				if entries, err := os.ReadDir(root + above); err != nil || len(entries) != 1 {
					t.Errorf("outside of the root: %v %v", entries, err)
				}
			}
			if c.err != nil {
				return
			}
			if info, err := os.Lstat(root + "/" + c.want); err != nil || info.IsDir() != c.dir {
				t.Errorf("%v %v", info, err)
			}
			again, err := OpenInRoot(root, c.path, unix.O_PATH)
			if err != nil {
				t.Errorf("the path leads to nothing still: %v", err)
			}
			_ = unix.Close(again)
		})
	}
}

// TestMakeInRootIsBounded: links that say a lot of each other come to an end.
func TestMakeInRootIsBounded(t *testing.T) {
	long := strings.Repeat("../", 1000)
	_, fd := rootWith(t, "a -> "+long+"b/b/b/b", "b -> "+long+"c/c/c/c", "c -> "+long+"a/a/a/a")
	begin := time.Now()
	if err := MakeInRoot(fd, "/a", true, 0); err != unix.ELOOP && err != unix.ENAMETOOLONG {
		t.Errorf("error %v", err)
	}
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("took %v", took)
	}
}

// TestMakeInRootIsRaced: while somebody turns a directory on the way into a link that leads out, and back, nothing is
// made outside.
func TestMakeInRootIsRaced(t *testing.T) {
	root, fd := rootWith(t, "l -> d/e")
	outside := root + "/../out"
	must(t, os.Mkdir(outside, 0o755))
	must(t, os.Mkdir(root+"/d", 0o755))
	must(t, os.Symlink("../out", root+"/s"))
	done := make(chan struct{})
	stop := make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			default:
				_ = unix.Renameat2(fd, "d", fd, "s", unix.RENAME_EXCHANGE)
			}
		}
	}()
	// Without RESOLVE_NO_SYMLINKS and RESOLVE_IN_ROOT this takes some milliseconds to find a way out.
	for begin := time.Now(); time.Since(begin) < time.Second; {
		_ = MakeInRoot(fd, "/l/x/y", true, 0)
		if entries, err := os.ReadDir(outside); err != nil || len(entries) > 0 {
			t.Errorf("%v %v", entries, err)
			break
		}
		// Through what is a directory now: the links lead to what must not change.
		for _, name := range []string{"d", "s"} {
			if at, err := unix.Openat(fd, name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_DIRECTORY|unix.O_CLOEXEC,
				0); err == nil {
				_ = unix.Unlinkat(at, "e/x/y", unix.AT_REMOVEDIR)
				_ = unix.Unlinkat(at, "e/x", unix.AT_REMOVEDIR)
				_ = unix.Unlinkat(at, "e", unix.AT_REMOVEDIR)
				_ = unix.Close(at)
			}
		}
	}
	close(stop)
	<-done
}
