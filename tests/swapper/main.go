// Swapper exchanges two names as fast as it can, for the tests that attack a mount target while a container is made. It
// ends when a name is gone, and after a minute in any case: a test that was killed must not leave it running.
//
//	swapper A B
package main

import (
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: swapper A B")
		os.Exit(2)
	}
	for end := time.Now().Add(time.Minute); time.Now().Before(end); {
		if unix.Renameat2(unix.AT_FDCWD, os.Args[1], unix.AT_FDCWD, os.Args[2], unix.RENAME_EXCHANGE) != nil {
			return
		}
	}
}
