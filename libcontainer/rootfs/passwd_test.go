package rootfs

import (
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestHomeOf(t *testing.T) {
	long := strings.Repeat("x", 3*maxPasswdLine)
	for name, c := range map[string]struct {
		passwd string
		want   string
	}{
		"the user's":                    {"a:x:0:0::/a:\nb:x:7:7::/b:\n", "/b"},
		"no newline at the end":         {"b:x:7:7::/b:/bin/sh", "/b"},
		"the first of two":              {"b:x:7:7::/b:\nc:x:7:7::/c:\n", "/b"},
		"one that has none":             {"b:x:7:7:::\nc:x:7:7::/c:\n", "/c"},
		"unknown":                       {"a:x:0:0::/a:\n", ""},
		"an id is a number":             {"a:x:007:0::/a:\n", "/a"},
		"an empty id is none":           {"a:x:::::\na::+:0::/a:\n", ""},
		"too few fields":                {"b:x:7:7:\n7\n:::::\n", ""},
		"a long line before":            {long + "\nb:x:7:7::/b:\n", "/b"},
		"a long line of the user":       {"b:x:7:7:" + long + ":/b:\n", ""},
		"a home too long for a path":    {"b:x:7:7::/" + strings.Repeat("y", unix.PathMax) + ":\nc:x:7:7::/c:\n", "/c"},
		"a NUL byte":                    {"b:x:7:7::/b\x00LD_PRELOAD=x:\n", ""},
		"behind several megabytes":      {strings.Repeat("a:x:0:0::/a:\n", 200000) + "b:x:7:7::/b:\n", "/b"},
		"another id that begins so":     {"b:x:77:7::/b:\n", ""},
		"an id that needs more bits":    {"b:x:4294967303:7::/b:\n", ""},
		"spaces and returns at the end": {"b:x:7:7::/b:/bin/sh \r\n", "/b"},
	} {
		if got := homeOf(strings.NewReader(c.passwd), 7); got != c.want {
			t.Errorf("%s: %.40q, want %q", name, got, c.want)
		}
	}
}

// TestPasswdMayBeAnything: what an image has by that name is opened only if it is a file, and is not read without end.
func TestPasswdMayBeAnything(t *testing.T) {
	dir := t.TempDir()
	must(t, unix.Mkfifo(dir+"/fifo", 0o644))
	must(t, os.Symlink("file", dir+"/link"))
	must(t, os.WriteFile(dir+"/file", []byte("b:x:7:7::/b:\n"), 0o644))
	must(t, os.WriteFile(dir+"/sparse", nil, 0o644))
	must(t, os.Truncate(dir+"/sparse", 1<<42))
	socket, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	must(t, err)
	defer unix.Close(socket)
	must(t, unix.Bind(socket, &unix.SockaddrUnix{Name: dir + "/socket"}))
	for name, want := range map[string]string{
		"fifo": "/", "link": "/", "file": "/b", "sparse": "/", "socket": "/",
		".": "/",
	} {
		fd, err := unix.Open(dir+"/"+name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		must(t, err)
		got := make(chan string, 1)
		go func() { got <- homeIn(fd, 7) }()
		select {
		case home := <-got:
			if home != want {
				t.Errorf("%s: %q, want %q", name, home, want)
			}
		case <-time.After(time.Minute):
			t.Fatalf("%s: still reading", name)
		}
		_ = unix.Close(fd)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
