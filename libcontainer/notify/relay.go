// Package notify relays READY=1 of a container to the service manager that has started rt: sd_notify(3).
package notify

import (
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/libcontainer/process"
)

// Env is the environment variable with the socket of the service manager, for rt, and with that of rt, for the
// container: sd_notify(3).
const Env = "NOTIFY_SOCKET"

// barrierLimit is how long the service manager may take to answer BARRIER=1. Only tests change it.
var barrierLimit = 30 * time.Second

// Relay passes READY=1 of the container to the service manager, and no other message: the container is not trusted, and
// only this message is harmless. It runs in the rt that starts the container.
//
// A nil Relay relays nothing: rt has no NOTIFY_SOCKET.
type Relay struct {
	socket  int // of the container
	manager int // connected to the service manager
	done    chan error
}

// NeedsSocket reports whether a container whose program has this environment gets a notify socket: rt has
// NOTIFY_SOCKET, and the environment does not. It returns an error for an invalid NOTIFY_SOCKET of rt.
func NeedsSocket(environment []string) (bool, error) {
	if os.Getenv(Env) == "" {
		return false, nil
	}
	if slices.ContainsFunc(environment, func(e string) bool { return strings.HasPrefix(e, Env+"=") }) {
		return false, nil
	}
	_, err := managerAddress()
	return err == nil, err
}

// managerAddress returns the address of the service manager's socket.
func managerAddress() (unix.Sockaddr, error) {
	name := os.Getenv(Env)
	switch {
	case len(name) < 2 || name[0] != '/' && name[0] != '@':
		return nil, &diag.Error{
			Kind: diag.Usage, Field: Env, Value: name,
			Problem: "in the environment of rt must be the path of a Unix socket, or @ and an abstract name: see " +
				"sd_notify(3)",
		}
	case len(name) >= len(unix.RawSockaddrUnix{}.Path):
		return nil, &diag.Error{
			Kind: diag.Usage, Field: Env, Value: name,
			Problem: "in the environment of rt is too long for a socket: see unix(7)",
		}
	}
	return &unix.SockaddrUnix{Name: name}, nil // to package unix too, a leading @ means the abstract namespace
}

// NewRelay creates the container's socket at path, before its program runs. It returns nil without NOTIFY_SOCKET. If no
// process listens on that socket, it returns nil and a warning: a stale variable must not prevent the start.
func NewRelay(path string) (relay *Relay, warning string, err error) {
	if os.Getenv(Env) == "" {
		return nil, "", nil
	}
	address, err := managerAddress()
	if err != nil {
		return nil, "", err
	}
	n := &Relay{socket: -1, manager: -1}
	defer func() {
		if relay == nil {
			n.Close()
		}
	}()
	if n.manager, err = unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0); err != nil {
		return nil, "", diag.Sys("the service manager can't be reached", "socket", err)
	}
	// A manager that does not read, and whose queue is full, must not block rt forever.
	if err := unix.SetsockoptTimeval(n.manager, unix.SOL_SOCKET, unix.SO_SNDTIMEO,
		&unix.Timeval{Sec: int64(barrierLimit / time.Second)}); err != nil {
		return nil, "", diag.Sys("the service manager can't be reached", "setsockopt", err)
	}
	if err := unix.Connect(n.manager, address); err != nil {
		return nil, Env + " " + strconv.Quote(os.Getenv(Env)) + " is not passed on: " + err.Error(), nil
	}
	if n.socket, err = unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0); err != nil {
		return nil, "", diag.Sys("the container's notify socket can't be created", "socket", err)
	}
	if err := n.bind(path); err != nil {
		return nil, "", diag.Sys("the container's notify socket can't be created in the state directory", "bind", err)
	}
	return n, "", nil
}

// bind creates the socket. All users can write to it, because the program may run as any user; on the host only rt's
// user can enter the state directory. The socket is created with its final mode: once it exists, the container could
// replace it before a chmod(2).
func (n *Relay) bind(path string) error {
	// An rt that was killed while it started the container may have left a socket.
	if err := unix.Unlink(path); err != nil && err != unix.ENOENT {
		return err
	}
	bound := make(chan error)
	go func() {
		// Other goroutines create files too, so only this thread changes its umask, and ends with the goroutine.
		runtime.LockOSThread()
		err := unix.Unshare(unix.CLONE_FS)
		if err == nil {
			unix.Umask(0)
			err = unix.Bind(n.socket, &unix.SockaddrUnix{Name: path})
		}
		bound <- err
	}()
	return <-bound
}

// Close closes the sockets. A nil Relay has none.
func (n *Relay) Close() {
	if n == nil {
		return
	}
	for _, fd := range [...]int{n.socket, n.manager} {
		if fd >= 0 {
			_ = unix.Close(fd)
		}
	}
	n.socket, n.manager = -1, -1
}

// Begin starts a goroutine that relays until the container is ready or has ended. Finish waits for the goroutine. rt
// stays the main process of the service. pidfd is that of the container's init, which the goroutine closes; -1 if the
// init has ended.
func (n *Relay) Begin(pidfd int) {
	n.done = make(chan error, 1)
	go func() { n.done <- n.Wait(pidfd, 0) }()
}

// Finish waits for the end of the goroutine of Begin.
func (n *Relay) Finish() error {
	if n == nil {
		return nil
	}
	return <-n.done
}

// Wait relays until the container is ready or has ended. mainPid is passed to the service manager as the new main
// process of the service (MAINPID); 0 is not passed. pidfd is that of the container's init, which Wait closes; -1 if
// the init has ended.
func (n *Relay) Wait(pidfd, mainPid int) error {
	defer n.Close()
	if pidfd >= 0 {
		defer func() { _ = unix.Close(pidfd) }()
	}
	for ended := pidfd < 0; ; {
		// Messages that were sent before the end can still be read.
		if n.ready() {
			return n.notify(mainPid)
		}
		if ended {
			return nil
		}
		fds := []unix.PollFd{{Fd: int32(n.socket), Events: unix.POLLIN}, {Fd: int32(pidfd), Events: unix.POLLIN}}
		if _, err := unix.Poll(fds, -1); err != nil && err != unix.EINTR {
			return diag.Sys("the messages of the container can't be waited for", "poll", err)
		}
		ended = fds[1].Revents != 0
	}
}

// ready reads the messages of the container, and reports whether one has "READY=1". read(2) discards descriptors that
// were passed with them.
func (n *Relay) ready() bool {
	var message [4096]byte // the maximum of systemd (NOTIFY_BUFFER_MAX)
	for {
		length, err := unix.Read(n.socket, message[:])
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return false
		}
		for line := range strings.SplitSeq(string(message[:length]), "\n") {
			if line == "READY=1" {
				return true
			}
		}
	}
}

// notify sends READY=1 to the service manager, and waits until the manager has read it: if rt ended before, the manager
// could not tell which service the message is from (sd_notify_barrier(3)).
func (n *Relay) notify(mainPid int) error {
	fail := func(call string, err error) error {
		return diag.Sys("the service manager can't be notified that the container is ready", call, err).
			At(Env, os.Getenv(Env))
	}
	text := "READY=1"
	if mainPid != 0 {
		text = "MAINPID=" + strconv.Itoa(mainPid) + "\n" + text
	}
	if err := unix.Send(n.manager, []byte(text), unix.MSG_NOSIGNAL); err != nil {
		return fail("sendto", err)
	}
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		return fail("pipe2", err)
	}
	defer func() { _ = unix.Close(pipe[0]) }()
	err := unix.Sendmsg(n.manager, []byte("BARRIER=1"), unix.UnixRights(pipe[1]), nil, unix.MSG_NOSIGNAL)
	_ = unix.Close(pipe[1])
	if err != nil {
		return fail("sendmsg", err)
	}
	// The manager closes the descriptor when it has read all messages, or immediately if it does not support barriers.
	if !process.AwaitHangup(pipe[0], barrierLimit) {
		return fail("poll", unix.ETIMEDOUT)
	}
	return nil
}
