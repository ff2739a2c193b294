package libcontainer

import (
	"runtime/debug"
	"testing"

	"rt/spec"
)

// TestCollectLater: a config with many mounts takes a larger heap before it is collected, and others change nothing.
func TestCollectLater(t *testing.T) {
	const usual = 100
	defer debug.SetGCPercent(debug.SetGCPercent(usual))
	for mounts, want := range map[int]int{10: usual, 1000: 400} {
		debug.SetGCPercent(usual)
		delayCollection(&spec.Spec{Mounts: make([]spec.Mount, mounts)})
		if got := debug.SetGCPercent(usual); got != want {
			t.Errorf("%d mounts: %d percent, want %d", mounts, got, want)
		}
	}
}
