package main

import "os"

// entry is the first code of rt, where the linker is told so with -E: it asks the Go runtime for one processor and
// jumps to the entry of the runtime. For each processor of the host the runtime would make room at every start: 4
// pages, 500 faults on a host with 128 (docs/decisions/0041). Only the variable GOMAXPROCS can keep it from that, so
// entry puts it in front of the environment, unless it is there already. Without -E rt works in the same way, slower.
func entry()

// forgetEntry takes the variable of entry out of the environment again, so that no child of rt gets it. What it says is
// written so that no user's setting is mistaken for it.
func forgetEntry() {
	if os.Getenv("GOMAXPROCS") == "01" {
		_ = os.Unsetenv("GOMAXPROCS")
	}
}
