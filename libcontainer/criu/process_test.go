package criu

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/checkpoint-restore/go-criu/v8/rpc"
	"golang.org/x/sys/unix"

	"rt/internal/diag"
)

// peer is the other end of a conversation.
type peer struct {
	t  *testing.T
	fd int
}

// talk has a conversation with a criu that other plays.
func talk(t *testing.T, other func(peer)) *Process {
	t.Helper()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		other(peer{t, pair[1]})
		_ = unix.Close(pair[1])
	}()
	t.Cleanup(func() {
		_ = unix.Close(pair[0])
		<-done
	})
	return &Process{socket: pair[0], stderr: -1}
}

func (p peer) hear(want []byte) {
	b := make([]byte, 4096)
	n, err := unix.Read(p.fd, b)
	if err != nil || string(b[:max(n, 0)]) != string(want) {
		p.t.Errorf("criu was told % x, not % x: %v", b[:max(n, 0)], want, err)
	}
}

func (p peer) say(text string, fds ...int) {
	if err := unix.Sendmsg(p.fd, unhex(p.t, text), unix.UnixRights(fds...), nil, unix.MSG_NOSIGNAL); err != nil {
		p.t.Error(err)
	}
}

func TestNotificationsAreAnswered(t *testing.T) {
	file, err := os.Open("/dev/zero")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	p := talk(t, func(p peer) {
		p.hear([]byte{8, byte(Restore)})
		p.say("08 06 10 01 2a 06 0a 02 6162 10 2a")
		p.hear([]byte{8, byte(Notify), 24, 1})
		p.say("08 06 10 01 2a 04 0a 02 6364", int(file.Fd()))
		p.hear([]byte{8, byte(Notify), 24, 1})
		p.say("08 02 10 01 22 03 08 e7 24")
	})
	var seen []string
	r, err := p.exchange(&rpc.CriuReq{Type: new(Restore)}, Restore, func(script string, pid, fd int) error {
		seen = append(seen, script)
		if (script == "ab") != (pid == 42) || (script == "cd") != (fd >= 0) {
			t.Errorf("%s: pid %d, descriptor %d", script, pid, fd)
		}
		if fd >= 0 {
			b := make([]byte, 1)
			if n, err := unix.Read(fd, b); n != 1 || err != nil {
				t.Error(n, err)
			}
			return unix.Close(fd)
		}
		return nil
	})
	if err != nil || !r.Success || r.Pid != 4711 || !slices.Equal(seen, []string{"ab", "cd"}) {
		t.Error(r, err, seen)
	}
}

// A notification that the caller can't serve is refused, and its error is what remains of it all.
func TestRefusedNotification(t *testing.T) {
	for name, end := range map[string]func(peer){
		"criu says so too": func(p peer) { p.say("08 02 10 00") },
		"criu just ends":   func(peer) {},
	} {
		t.Run(name, func(t *testing.T) {
			p := talk(t, func(p peer) {
				p.hear([]byte{8, byte(Restore)})
				p.say("08 06 10 01 2a 04 0a 02 6162")
				p.hear([]byte{8, byte(Notify)})
				end(p)
			})
			mine := errors.New("a hook failed")
			if _, err := p.exchange(&rpc.CriuReq{Type: new(Restore)}, Restore,
				func(string, int, int) error { return mine }); err != mine {
				t.Error(err)
			}
		})
	}
}

// TestInterrupted has a criu that never answers, as one may that finds less in an image than it looks for.
func TestInterrupted(t *testing.T) {
	cmd := exec.Command("sleep", "100")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	over := make(chan struct{})
	p := talk(t, func(peer) { <-over })
	defer close(over)
	p.Pid = cmd.Process.Pid
	told, calls := errors.New("told to end"), 0
	p.Interrupted = func() error {
		if calls++; calls > 2 {
			return told
		}
		return nil
	}
	if _, err := p.Do(Restore, &Options{}, nil); !errors.Is(err, told) {
		t.Errorf("error %v", err)
	}
	if err := unix.Kill(p.Pid, 0); err != unix.ESRCH {
		t.Errorf("criu is still there: %v", err)
	}
}

// TestGrace has a criu that is told to end while it works: it can give up by itself, and is killed if it does not.
func TestGrace(t *testing.T) {
	told := errors.New("told to end")
	for name, test := range map[string]struct {
		grace time.Duration
		other func(p peer, toEnd <-chan struct{})
		want  error
	}{
		"its next notification is refused": {time.Minute, func(p peer, toEnd <-chan struct{}) {
			p.hear([]byte{8, byte(Dump)})
			<-toEnd
			p.say("08 06 10 01 2a 04 0a 02 6162")
			p.hear([]byte{8, byte(Notify)})
			p.say("08 01 10 00")
		}, told},
		"it has finished": {time.Minute, func(p peer, _ <-chan struct{}) {
			p.hear([]byte{8, byte(Dump)})
			p.say("08 01 10 01")
		}, nil},
		"it continues for too long": {200 * time.Millisecond, func(p peer, _ <-chan struct{}) {
			p.hear([]byte{8, byte(Dump)})
		}, told},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := exec.Command("sleep", "100")
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			defer func() { _ = cmd.Wait() }()
			defer func() { _ = cmd.Process.Kill() }()
			over, toEnd := make(chan struct{}), make(chan struct{})
			p := talk(t, func(p peer) { test.other(p, toEnd); <-over })
			defer close(over)
			p.Pid, p.Grace = cmd.Process.Pid, test.grace
			p.Interrupted = sync.OnceValue(func() error {
				close(toEnd)
				return told
			})
			notify := func(string, int, int) error { t.Error("a notification was served"); return nil }
			if _, err := p.exchange(&rpc.CriuReq{Type: new(Dump)}, Dump, notify); err != test.want {
				t.Errorf("error %v", err)
			}
		})
	}
}

// TestExitTimeout has a criu that responds and does not exit.
func TestExitTimeout(t *testing.T) {
	cmd := exec.Command("sleep", "100")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func(before time.Duration) { exitTimeout = before }(exitTimeout)
	exitTimeout = 100 * time.Millisecond
	p := talk(t, func(peer) {})
	p.Pid = cmd.Process.Pid
	if e := p.end(); e.status.Signal() != unix.SIGKILL {
		t.Errorf("status %#x", e.status)
	}
}

func TestWhatIsNoAnswer(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"nothing":       {"", "EOF"},
		"no protobuf":   {"ff ff", "can't decode"},
		"another story": {"08 01 10 01", "another request"},
	} {
		t.Run(name, func(t *testing.T) {
			p := talk(t, func(p peer) {
				p.hear([]byte{8, byte(Restore)})
				if test.text != "" {
					p.say(test.text)
				}
			})
			if _, err := p.exchange(&rpc.CriuReq{Type: new(Restore)}, Restore, nil); err == nil ||
				!strings.Contains(err.Error(), test.want) {
				t.Error(err)
			}
		})
	}
	if err := explain(io.EOF, ending{status: 9, stderr: "so\nlong"}); !strings.Contains(err.Error(), "SIGKILL") ||
		!strings.Contains(err.Error(), "so; long") {
		t.Error(err)
	}
}

// script makes a program of that name, and of no other use.
func script(t *testing.T, text string) string {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "criu")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	return path
}

func TestProgramsThatAreNoCRIU(t *testing.T) {
	defer func(before string) { defaultPath = before }(defaultPath)
	path := script(t, "echo hello there >&2; exit 3")
	if found, err := Find(""); err != nil || found != path {
		t.Error(found, err)
	}
	var d *diag.Error
	_, err := Ask(path, nil, VersionQuery, Features{})
	if !errors.As(err, &d) || !strings.Contains(d.Problem, "status 3") || !strings.Contains(d.Problem, "hello there") {
		t.Error(err)
	}
	_, err = Ask(script(t, "kill -9 $$"), nil, VersionQuery, Features{})
	if !errors.As(err, &d) || !strings.Contains(d.Problem, "SIGKILL") {
		t.Error(err)
	}
	before := replyTimeout
	replyTimeout = 1e8
	_, err = Ask(script(t, "exec sleep 100"), os.Environ(), VersionQuery, Features{})
	replyTimeout = before
	if !errors.As(err, &d) || !strings.Contains(d.Problem, "not answered") {
		t.Error(err)
	}
	_, err = Ask("/nowhere/criu", nil, VersionQuery, Features{})
	if !errors.As(err, &d) || d.Errno != unix.ENOENT {
		t.Error(err)
	}
	defaultPath = ""
	t.Setenv("PATH", ".:bin:"+t.TempDir())
	if _, err := Find(""); !errors.As(err, &d) || d.Hint == "" {
		t.Error(err)
	}
}

func TestFindByName(t *testing.T) {
	path := script(t, "exit")
	defer func(before string) { defaultPath = before }(defaultPath)
	defaultPath = ""
	t.Setenv("PATH", "/nowhere")
	if found, err := Find(path); err != nil || found != path {
		t.Error(found, err)
	}
	t.Chdir(filepath.Dir(path))
	if found, err := Find("./criu"); err != nil || found != path {
		t.Error(found, err)
	}
	for _, wrong := range []string{"criu", "/nowhere/criu", filepath.Dir(path)} {
		var d *diag.Error
		if found, err := Find(wrong); !errors.As(err, &d) || d.Field != "--criu" || d.Value != wrong {
			t.Error(found, err)
		}
	}
}
