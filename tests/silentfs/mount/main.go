// mount DIR: mount a file system at DIR whose server answers look-ups and never an open(2), until SIGTERM.
//
// It prints "mounted", and "waiting" when a process waits for an answer. The process then ignores even SIGKILL, as one
// on a network file system whose server is gone.
package main

import (
	"fmt"
	"os"
	"os/signal"
	"time"

	"golang.org/x/sys/unix"

	"rt/tests/silentfs"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: mount DIR")
		os.Exit(2)
	}
	end := make(chan os.Signal, 1)
	signal.Notify(end, unix.SIGTERM)
	var files silentfs.Files
	if err := files.Mount(0, os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "mount:", err)
		os.Exit(1)
	}
	fmt.Println("mounted")
	for said := false; ; {
		select {
		case <-end:
			files.End()
			return
		case <-time.After(50 * time.Millisecond):
			if !said && files.Waiting() {
				fmt.Println("waiting")
				said = true
			}
		}
	}
}
