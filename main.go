// rt runs containers as the OCI runtime specification describes them: see package cli for its commands, libcontainer
// for what they do.

// How many threads may run does not change while rt runs: the Go runtime need not read the limit of its cgroup again
// every second. (It reads it once at every start, whatever these lines and entry say.)
//
//go:debug containermaxprocs=0
//go:debug updatemaxprocs=0
package main

import (
	"os"

	"rt/cli"
)

// The garbage collector stays on. It starts at 4 MB of heap, which no short command reaches, and each start of rt would
// have to stop the world to turn it off (runtime/debug.SetGCPercent). Plans of hundreds of mounts are an exception:
// libcontainer/create.go.
func main() {
	growStack()
	unsetEntryVariable()
	os.Exit(cli.Main(os.Args, os.Stdout, os.Stderr))
}
