package process

import (
	"os"
	"testing"
)

func TestOtherNamespaces(t *testing.T) {
	if flags, err := OtherNamespaces(os.Getpid()); err != nil || flags != 0 {
		t.Errorf("this process is elsewhere than itself: %#x, %v", flags, err)
	}
	if _, err := OtherNamespaces(1 << 30); err == nil {
		t.Error("there is no such process")
	}
}
