// Command gofloor becomes another program: bench starts the floor with it. The difference from the floor alone is the
// start of a Go program that does nothing, and one execve(2). A runtime that is a Go program starts this way too, so
// the pair shows how near it can come to the floor.
package main

import (
	"os"
	"syscall"
)

func main() {
	if err := syscall.Exec(os.Args[1], os.Args[1:], os.Environ()); err != nil {
		println("gofloor:", err.Error())
		os.Exit(1)
	}
}
