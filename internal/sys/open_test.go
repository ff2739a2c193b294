package sys

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestOpenOutput(t *testing.T) {
	dir := t.TempDir()
	file, link, foreign, fifo := filepath.Join(dir, "file"), filepath.Join(dir,
		"link"), filepath.Join(dir, "foreign"), filepath.Join(dir, "fifo")
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.Symlink("file", link))
	must(os.Symlink(file, foreign))
	must(unix.Mkfifo(fifo, 0o600))
	tests := map[string]error{
		file: nil, link: nil, fifo: unix.ENXIO, dir: unix.EISDIR, "/dev/null": nil,
		"/proc/self/fd/1": nil,
	}
	if os.Geteuid() == 0 {
		must(os.Lchown(foreign, 1234, 1234))
		tests[foreign] = unix.ELOOP
	}
	for path, want := range tests {
		hung := time.AfterFunc(time.Minute, func() { panic("the open of " + path + " hangs") })
		fd, err := OpenOutput(path, unix.O_APPEND, 0o600)
		hung.Stop()
		if !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", path, err, want)
		}
		if err == nil && path != "/proc/self/fd/1" { // which may be a FIFO
			flags, _ := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
			if flags&unix.O_NONBLOCK != 0 {
				t.Errorf("%s does not block", path)
			}
			_ = unix.Close(fd)
		}
	}
	// With a reader a FIFO can be written, and does not make rt wait once it is full.
	reader, err := unix.Open(fifo, unix.O_RDONLY|unix.O_NONBLOCK, 0)
	must(err)
	defer unix.Close(reader)
	fd, err := OpenOutput(fifo, unix.O_APPEND, 0o600)
	must(err)
	defer unix.Close(fd)
	for err == nil {
		_, err = unix.Write(fd, make([]byte, 4096))
	}
	if err != unix.EAGAIN {
		t.Errorf("a full FIFO: %v", err)
	}
}

func TestTemporary(t *testing.T) {
	dir := t.TempDir()
	victim, path := filepath.Join(dir, "victim"), filepath.Join(dir, "pid")
	if err := os.WriteFile(victim, []byte("whole"), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := os.Symlink(victim, filepath.Join(dir, ".pid.new")); err != nil && !os.IsExist(err) {
			t.Fatal(err)
		}
		fd, name, err := CreateTemporary(path, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = unix.Write(fd, []byte("x"))
		_ = unix.Close(fd)
		if st, err := os.Lstat(name); err != nil || !st.Mode().IsRegular() {
			t.Errorf("%s: %v", name, err)
		}
		_ = os.Remove(name)
	}
	if b, _ := os.ReadFile(victim); string(b) != "whole" {
		t.Errorf("the file that the link leads to has %q", b)
	}
}

func TestReadInput(t *testing.T) {
	dir := t.TempDir()
	file, link, fifo := filepath.Join(dir, "file"), filepath.Join(dir, "link"), filepath.Join(dir, "fifo")
	if err := os.WriteFile(file, []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(file, link); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	go func() {
		time.Sleep(10 * time.Millisecond) // a pipe is waited for
		_, _ = w.WriteString("text")
		_ = w.Close()
	}()
	pipe := fmt.Sprintf("/dev/fd/%d", r.Fd())
	for path, want := range map[string]error{
		file: nil, link: nil, pipe: nil, fifo: ErrNotInput, dir: unix.EISDIR, "/dev/zero": ErrNotInput, file +
			"x": unix.ENOENT,
	} {
		hung := time.AfterFunc(time.Minute, func() { panic("the read of " + path + " hangs") })
		raw, err := ReadInput(path)
		hung.Stop()
		if !errors.Is(err, want) || err == nil && string(raw) != "text" {
			t.Errorf("%s: %q, %v, want %v", path, raw, err, want)
		}
	}
}
