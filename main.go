// rt runs containers as the OCI runtime specification describes them: see package cli for its commands, libcontainer for what they do.

// How many threads may run is the number of processors for rt: otherwise the Go runtime reads two files of /proc at each start, one of which
// grows with the mounts of the machine, to learn whether a cgroup grants it less.
//
//go:debug containermaxprocs=0
//go:debug updatemaxprocs=0
package main

import (
	"os"

	"rt/cli"
)

// The garbage collector is left on: it starts at 4 MB of heap, which no short command comes near, and turning it off would cost each start of rt
// the stopping of the world (runtime/debug.SetGCPercent).
func main() { os.Exit(cli.Main(os.Args, os.Stdout, os.Stderr)) }
