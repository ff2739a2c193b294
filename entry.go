package main

import (
	"os"
	"runtime"
)

// entry is the first code of rt if it was linked with -E. It prepares three things for which it is too late once the
// Go runtime has started, and jumps to the entry of the runtime. Without -E rt works in the same way, slower.
//
// One processor: otherwise the runtime would allocate 4 pages for each processor of the host at every start, 500 page
// faults on a host with 128 (docs/decisions/0041). Only the variable GOMAXPROCS prevents that, so entry puts it in
// front of the environment, unless it is there already.
//
// Mapped pages: a command touches most windows of 16 pages of the code and of the constants. A call of madvise(2) maps
// them, where each would be a page fault of its own (docs/decisions/0060).
//
// No memory profile: nothing in rt reads one, but the runtime takes its first sample before it notices that.
func entry()

// memProfileRate is where entry turns off the memory profile.
var memProfileRate = &runtime.MemProfileRate

// unsetEntryVariable removes the variable of entry from the environment, so that no child of rt gets it. No user writes
// its value in this way, with a leading zero.
func unsetEntryVariable() {
	if os.Getenv("GOMAXPROCS") == "01" {
		_ = os.Unsetenv("GOMAXPROCS")
	}
}
