package process

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

func TestOtherNamespaces(t *testing.T) {
	if flags, err := OtherNamespaces(os.Getpid(), 0); err != nil || flags != 0 {
		t.Errorf("this process is elsewhere than itself: %#x, %v", flags, err)
	}
	made := uintptr(unix.CLONE_NEWUSER | unix.CLONE_NEWNET)
	if flags, err := OtherNamespaces(os.Getpid(), made); err != nil || flags != unix.CLONE_NEWNET {
		t.Errorf("made for this process: %#x, %v; its user namespace is rt's own", flags, err)
	}
	if _, err := OtherNamespaces(1<<30, 0); err == nil {
		t.Error("there is no such process")
	}
}
