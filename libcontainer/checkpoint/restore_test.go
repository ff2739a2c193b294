package checkpoint

import (
	"testing"

	"golang.org/x/sys/unix"
)

// TestOnOwnThread makes sure that what f does to its thread is done to no other, whichever thread it is called from.
func TestOnOwnThread(t *testing.T) {
	for range 20 {
		runOnOwnThread(func() {
			if unix.Gettid() == unix.Getpid() {
				t.Error("f runs in the first thread, which does not end")
			}
		})
	}
}
