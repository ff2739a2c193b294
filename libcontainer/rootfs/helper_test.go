package rootfs

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
)

// answer has a helper send messages, then end, and returns what rt takes from them.
func answer(t *testing.T, messages ...[]byte) (string, error) {
	t.Helper()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pair[0])
	for _, m := range messages {
		if err := unix.Send(pair[1], m, 0); err != nil {
			t.Fatal(err)
		}
	}
	if err := unix.Close(pair[1]); err != nil {
		t.Fatal(err)
	}
	return awaitResult(pair[0], nil)
}

func TestHelper(t *testing.T) {
	failed := &diag.Error{Kind: diag.Host, Errno: unix.ENOSPC, Call: "write", Problem: "the file can't be copied"}
	if text, err := answer(t, []byte{progress}, []byte{progress}, formatResult("a\x00b", nil)); text != "a\x00b" ||
		err != nil {
		t.Errorf("%q, %v", text, err)
	}
	_, err := answer(t, formatResult("", failed))
	if e, ok := errors.AsType[*diag.Error](err); !ok || !reflect.DeepEqual(e, failed) {
		t.Errorf("%v", err)
	}
	if _, err := answer(t, formatResult("", unix.ELOOP)); err != unix.ELOOP {
		t.Errorf("%v", err)
	}
}

// TestHostileHelper: a helper reads files of the container, so rt does not believe what it says.
func TestHostileHelper(t *testing.T) {
	long := strings.Repeat("x", 3*resultSize)
	for _, message := range []string{
		"x", "..", ". ", "=", "=true", "=true\x000\x000\x00\x00", "=maybe\x000\x000\x00\x00\x00",
		"=false\x000\x000\x00\x00\x00", "=false\x006\x002\x00open\x00a kind that does not exist\x00",
		"=false\x00300\x002\x00open\x00not a kind\x00", "=false\x00x\x002\x00open\x00not a kind\x00",
		"=false\x000\x004096\x00open\x00no errno\x00", "=false\x000\x00-1\x00\x00\x00", "=" + long,
	} {
		if text, err := answer(t, []byte(message)); err != unix.EPROTO {
			t.Errorf("%.60q: %q, %v", message, text, err)
		}
	}
	if _, err := answer(t); err != unix.ECHILD {
		t.Errorf("no message: %v", err)
	}
	// It is alive, says nothing that rt can use, and rt is told to end.
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pair[0])
	done := make(chan struct{})
	go func() {
		defer close(done)
		for unix.Send(pair[1], []byte{progress}, unix.MSG_NOSIGNAL) == nil {
			time.Sleep(time.Millisecond)
		}
	}()
	calls := 0
	_, err = awaitResult(pair[0], func() error {
		if calls++; calls > 3 {
			return unix.EINTR
		}
		return nil
	})
	if err != unix.EINTR {
		t.Errorf("%v", err)
	}
	_ = unix.Shutdown(pair[0], unix.SHUT_RD)
	<-done
	_ = unix.Close(pair[1])
}

// FuzzResult: a message of a helper is an error that rt can print, or a text.
func FuzzResult(f *testing.F) {
	f.Add(formatResult("link", nil))
	f.Add(formatResult("", unix.ENOENT))
	f.Add(formatResult("", &diag.Error{Kind: diag.Host, Call: "open", Problem: "p"}))
	f.Add([]byte("=false\x00200\x002\x00open\x00p\x00"))
	f.Fuzz(func(t *testing.T, message []byte) {
		if len(message) == 0 || message[0] != result {
			return
		}
		text, err := parseResult(message)
		if err != nil && text != "" {
			t.Errorf("%q and %v", text, err)
		}
		e, ok := errors.AsType[*diag.Error](err)
		if ok && (e.Kind > diag.Absent || e.Problem == "") {
			t.Errorf("%+v", e)
		}
		var errno unix.Errno
		if errors.As(err, &errno) && errno == 0 {
			t.Errorf("no error, and no success: %v", err)
		}
	})
}
