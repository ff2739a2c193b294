package main

import (
	"os"
	"runtime"
)

// entry is the first code of rt, where the linker is told so with -E. It prepares three things that the Go runtime
// can't be asked for later, and jumps to the entry of the runtime. Without -E rt works in the same way, slower.
//
// One processor: for each processor of the host the runtime would make room at every start: 4 pages, 500 faults on a
// host with 128 (docs/decisions/0041). Only the variable GOMAXPROCS can keep it from that, so entry puts it in front of
// the environment, unless it is there already.
//
// Mapped pages: a command touches most windows of 16 pages of the code and of the constants. A call of madvise(2) maps
// them, where each would be a page fault of its own (docs/decisions/0060).
//
// No memory profile: nothing in rt reads one, but the runtime takes its first sample before it notices that.
func entry()

// memProfileRate is where entry turns off the memory profile.
var memProfileRate = &runtime.MemProfileRate

// forgetEntry takes the variable of entry out of the environment again, so that no child of rt gets it. What it says is
// written so that no user's setting is mistaken for it.
func forgetEntry() {
	if os.Getenv("GOMAXPROCS") == "01" {
		_ = os.Unsetenv("GOMAXPROCS")
	}
}
