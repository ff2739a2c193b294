// rt runs containers as the OCI runtime specification describes them: see package cli for its commands, libcontainer
// for what they do.

// How many threads may run does not change for as long as rt runs: the Go runtime has no need to ask its cgroup again
// every second for a limit. (It asks once at every start, whatever these and entry say.)
//
//go:debug containermaxprocs=0
//go:debug updatemaxprocs=0
package main

import (
	"os"

	"rt/cli"
)

// The garbage collector is left on: it starts at 4 MB of heap, which no short command comes near, and turning it off
// would cost each start of rt the stopping of the world (runtime/debug.SetGCPercent). Plans of hundreds of mounts are
// an exception: libcontainer/create.go.
func main() {
	growStack()
	forgetEntry()
	os.Exit(cli.Main(os.Args, os.Stdout, os.Stderr))
}
