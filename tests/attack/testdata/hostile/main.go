// Hostile is a program of a container that attacks rt.
//
//	hostile calls FIRST COUNT    make COUNT system calls, with the numbers from FIRST on
//	hostile notify MESSAGE...    send messages to $NOTIFY_SOCKET: sd_notify(3)
//	hostile keyring fill         put a secret into the session keyring, create the file /filled, and stay
//	hostile keyring join NAME    join the keyring NAME, or one that begins so in /proc/keys, and print the secret
//	hostile blocking COMMAND...  execute a command with SIGUSR1 blocked
package main

import (
	"fmt"
	"os"
	"runtime"
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
	case len(os.Args) == 3 && os.Args[1] == "keyring" && os.Args[2] == "fill":
		if _, err := unix.AddKey("user", "secret", []byte("hush"), unix.KEY_SPEC_SESSION_KEYRING); err != nil {
			panic(err)
		}
		if err := os.WriteFile("/filled", nil, 0o644); err != nil {
			panic(err)
		}
		_ = unix.Pause()
	case len(os.Args) == 4 && os.Args[1] == "keyring" && os.Args[2] == "join":
		joinKeyrings(os.Args[3])
	case len(os.Args) > 2 && os.Args[1] == "blocking":
		runtime.LockOSThread()
		set := unix.Sigset_t{Val: [16]uint64{1 << (unix.SIGUSR1 - 1)}}
		if err := unix.PthreadSigmask(unix.SIG_BLOCK, &set, nil); err != nil {
			panic(err)
		}
		panic(unix.Exec(os.Args[2], os.Args[2:], os.Environ()))
	default:
		usage()
	}
}

// joinKeyrings joins the keyring called name, and those that /proc/keys shows with such a beginning, and prints the
// secret of each.
func joinKeyrings(name string) {
	runtime.LockOSThread()
	names := []string{name}
	text, _ := os.ReadFile("/proc/keys")
	for line := range strings.Lines(string(text)) {
		for word := range strings.FieldsSeq(line) {
			if strings.HasPrefix(word, "_ses.") {
				names = append(names, strings.TrimSuffix(word, ":"))
			}
		}
	}
	for _, name := range names {
		ring, err := unix.KeyctlJoinSessionKeyring(name)
		if err != nil {
			fmt.Println(name, err)
			continue
		}
		key, err := unix.KeyctlSearch(ring, "user", "secret", 0)
		if err != nil {
			fmt.Println(name, err)
			continue
		}
		var secret [64]byte
		n, err := unix.KeyctlBuffer(unix.KEYCTL_READ, key, secret[:], 0)
		fmt.Println(name, string(secret[:max(n, 0)]), err)
	}
}

func usage() {
	fmt.Fprintln(os.Stderr, "usage: hostile calls FIRST COUNT | notify MESSAGE... | keyring fill | keyring join NAME | "+
		"blocking COMMAND...")
	os.Exit(2)
}
