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

// Env names the socket of the service manager in the environment of rt, and that of rt in the container's:
// sd_notify(3).
const Env = "NOTIFY_SOCKET"

// barrierLimit is how long the service manager may take to answer BARRIER=1. Only tests change it.
var barrierLimit = 30 * time.Second

// Relay passes on to the service manager that the container is ready, and nothing else: what a container says there is
// not to be believed, only that one word is harmless. It lives in the rt that starts the container.
//
// A nil relay relays nothing: that is one without NOTIFY_SOCKET.
type Relay struct {
	socket  int // of the container
	manager int // connected to the service manager
	done    chan error
}

// NeedsSocket reports whether a container whose program has this environment gets a socket for its service manager:
// where rt has one, and the environment brings none of its own. A variable of rt's that can't be one is an error.
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

// managerAddress is where the service manager listens.
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
	return &unix.SockaddrUnix{Name: name}, nil // a leading @ is the abstract namespace to package unix too
}

// NewRelay makes the container's socket at path, before its program runs. It returns nil without NOTIFY_SOCKET, and a
// warning and nil if nobody listens there: a variable that has outlived its service must not keep the container from
// starting; sd_notify(3) is silent about it too.
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
	// A manager that reads nothing any more, with its queue full, must not keep rt forever.
	if err := unix.SetsockoptTimeval(n.manager, unix.SOL_SOCKET, unix.SO_SNDTIMEO,
		&unix.Timeval{Sec: int64(barrierLimit / time.Second)}); err != nil {
		return nil, "", diag.Sys("the service manager can't be reached", "setsockopt", err)
	}
	if err := unix.Connect(n.manager, address); err != nil {
		return nil, Env + " " + strconv.Quote(os.Getenv(Env)) + " is not passed on: " + err.Error(), nil
	}
	if n.socket, err = unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0); err != nil {
		return nil, "", diag.Sys("the container's notify socket can't be made", "socket", err)
	}
	if err := n.bind(path); err != nil {
		return nil, "", diag.Sys("the container's notify socket can't be made in the state directory", "bind", err)
	}
	return n, "", nil
}

// bind makes the socket. It is everyone's, whatever user the program runs as; on the host nobody but rt's user gets
// through the state directory. The mode is that of its birth: the name may be the container's to change a moment later.
func (n *Relay) bind(path string) error {
	// of an rt that was killed while it started the container
	if err := unix.Unlink(path); err != nil && err != unix.ENOENT {
		return err
	}
	bound := make(chan error)
	go func() {
		// The umask is that of a thread of its own, which ends with the goroutine: other goroutines make files too.
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

// Begin starts a goroutine that relays until the container is ready or has ended; Finish waits for it. rt stays the
// main process of the service. Begin closes pidfd, the container's init; -1 is one that has ended.
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

// Wait relays until the container is ready or has ended. mainPid is what the service manager is told with it: it is to
// take that process for the service's from then on; 0 tells nothing. Wait closes pidfd, the container's process; -1 is
// one that has ended.
func (n *Relay) Wait(pidfd, mainPid int) error {
	defer n.Close()
	if pidfd >= 0 {
		defer func() { _ = unix.Close(pidfd) }()
	}
	for ended := pidfd < 0; ; {
		// What it said before it ended is there to be read.
		if n.ready() {
			return n.tell(mainPid)
		}
		if ended {
			return nil
		}
		fds := []unix.PollFd{{Fd: int32(n.socket), Events: unix.POLLIN}, {Fd: int32(pidfd), Events: unix.POLLIN}}
		if _, err := unix.Poll(fds, -1); err != nil && err != unix.EINTR {
			return diag.Sys("the container can't be waited for until it is ready", "poll", err)
		}
		ended = fds[1].Revents != 0
	}
}

// ready reads what the container has said, and reports whether "READY=1" is in it. Descriptors that come along are
// dropped by read(2).
func (n *Relay) ready() bool {
	var message [4096]byte // the most that a service manager takes
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

// tell tells the service manager, and waits until it has read it: rt may end then, and a manager that finds no sender
// any more does not know which service the message is from (sd_notify_barrier(3)).
func (n *Relay) tell(mainPid int) error {
	fail := func(call string, err error) error {
		return diag.Sys("can't tell the service manager that the container is ready", call, err).At(Env, os.Getenv(Env))
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
	// It closes its end when all is read, or does not know barriers and drops it.
	if !process.AwaitHangup(pipe[0], barrierLimit) {
		return fail("poll", unix.ETIMEDOUT)
	}
	return nil
}
