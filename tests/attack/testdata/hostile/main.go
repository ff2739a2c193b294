// Hostile is a program of a container that attacks rt.
//
//	hostile calls FIRST COUNT    make COUNT system calls, with the numbers from FIRST on
//	hostile notify MESSAGE...    send messages to $NOTIFY_SOCKET: sd_notify(3)
package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

func main() {
	switch {
	case len(os.Args) == 4 && os.Args[1] == "calls":
		first, err := strconv.Atoi(os.Args[2])
		count, err2 := strconv.Atoi(os.Args[3])
		if err != nil || err2 != nil {
			usage()
		}
		for n := range count {
			_, _, _ = unix.RawSyscall(uintptr(first+n), 0, 0, 0)
		}
	case len(os.Args) > 2 && os.Args[1] == "notify":
		socket, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM, 0)
		if err != nil {
			panic(err)
		}
		for _, message := range os.Args[2:] {
			message = strings.ReplaceAll(message, ",", "\n")
			if err := unix.Sendto(socket, []byte(message), 0,
				&unix.SockaddrUnix{Name: os.Getenv("NOTIFY_SOCKET")}); err != nil {
				panic(err)
			}
		}
	default:
		usage()
	}
}

func usage() {
	fmt.Fprintln(os.Stderr, "usage: hostile calls FIRST COUNT | hostile notify MESSAGE...")
	os.Exit(2)
}
