package criu

import (
	"errors"
	"io"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/checkpoint-restore/go-criu/v8/rpc"
	"golang.org/x/sys/unix"

	"rt/internal/diag"
)

// Process is a running criu that serves this process.
type Process struct {
	Pid    int
	socket int
	stderr int // a memfd that is criu's standard error; -1 if the caller has set it

	// Interrupted, if it is not nil, is called ten times a second while criu works. Its error ends criu, which damaged
	// images can make hang.
	Interrupted func() error
	// Grace is how long criu may take to give up after that, which it does at its next notification. Then it is killed.
	Grace time.Duration

	interrupted error     // the error of Interrupted
	deadline    time.Time // of Grace, after interrupted is set
}

// StartOptions say how criu is started. With the zero value criu inherits no descriptor and no variable.
type StartOptions struct {
	// Stdio are its descriptors 0, 1 and 2. nil is /dev/null, with output recorded for errors.
	Stdio []int
	// Files are its descriptors from FirstFile on.
	Files []int
	Env   []string
}

// FirstFile is the number that the first of StartOptions.Files has for criu.
const FirstFile = socketNumber + 1

const socketNumber = 3

// exitTimeout is how long criu may take to exit after its response. Only tests change it.
var exitTimeout = 10 * time.Second

// Start starts the program criu to take one request. The kernel kills it when the calling thread ends (PR_SET_PDEATHSIG
// of prctl(2)), so that a killed rt leaves no criu behind: the thread must not end before criu.
func Start(program string, o *StartOptions) (*Process, error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, diag.Sys("the socket for criu can't be created", "socketpair", err)
	}
	defer func() { _ = unix.Close(pair[1]) }()
	p := &Process{socket: pair[0], stderr: -1}
	stdio := o.Stdio
	if stdio == nil {
		null, err := unix.Open("/dev/null", unix.O_RDWR|unix.O_CLOEXEC, 0)
		if err == nil {
			defer func() { _ = unix.Close(null) }()
			p.stderr, err = unix.MemfdCreate("criu", unix.MFD_CLOEXEC)
		}
		if err != nil {
			p.hangUp()
			return nil, diag.Sys("the standard streams of criu can't be created", "open", err)
		}
		stdio = []int{null, p.stderr, p.stderr}
	}
	files := make([]uintptr, 0, FirstFile+len(o.Files))
	for _, fd := range stdio {
		files = append(files, uintptr(fd))
	}
	files = append(files, uintptr(pair[1]))
	for _, fd := range o.Files {
		files = append(files, uintptr(fd))
	}
	p.Pid, err = syscall.ForkExec(
		program,
		[]string{"criu", "swrk", strconv.Itoa(socketNumber)},
		&syscall.ProcAttr{Files: files, Env: o.Env, Sys: &syscall.SysProcAttr{Pdeathsig: unix.SIGKILL}},
	)
	if err != nil {
		p.hangUp()
		e := diag.Sys("criu can't be started", "execve", err)
		e.Kind, e.Value = diag.Host, program
		e.Problem = "criu can't be started: " + program
		return nil, e
	}
	return p, nil
}

// replyTimeout is how long criu may take to answer a simple query.
var replyTimeout = 30 * time.Second

// Ask starts criu for one query and returns the response.
func Ask(program string, env []string, kind Kind, features Features) (Response, error) {
	p, err := Start(program, &StartOptions{Env: env})
	if err != nil {
		return Response{}, err
	}
	request := &rpc.CriuReq{Type: &kind}
	if kind == FeatureCheck {
		request.Features = features.message()
	}
	limit := unix.NsecToTimeval(replyTimeout.Nanoseconds())
	_ = unix.SetsockoptTimeval(p.socket, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &limit)
	r, err := p.exchange(request, kind, nil)
	if errors.Is(err, unix.EAGAIN) {
		_ = unix.Kill(p.Pid, unix.SIGKILL)
		err = &diag.Error{
			Kind:    diag.Host,
			Problem: "criu has not answered within " + replyTimeout.String() + ": " + program,
		}
	}
	if ended := p.end(); err != nil {
		return r, explain(err, ended)
	}
	if !r.Success {
		return r, &diag.Error{Kind: diag.Host, Problem: "criu can't answer" + r.reason(), Hint: "try `criu check`"}
	}
	return r, nil
}

// Do sends a request, calls notify for each notification, and returns the response after criu has ended. If notify
// returns an error, criu gives up and Do returns that error. fd is the descriptor that came with the notification, for
// notify to close, or -1.
func (p *Process) Do(kind Kind, o *Options, notify func(script string, pid, fd int) error) (Response, error) {
	r, err := p.exchange(&rpc.CriuReq{Type: &kind, Opts: o.message()}, kind, notify)
	if ended := p.end(); err != nil {
		return r, explain(err, ended)
	}
	return r, nil
}

// reason returns the reason of an unsuccessful response, to be appended to a clause.
func (r *Response) reason() string {
	switch {
	case r.Message != "":
		return ": " + strings.TrimSpace(r.Message)
	case r.Errno != 0:
		return ": " + diag.ErrnoText(unix.Errno(r.Errno))
	}
	return ""
}

// exchange sends a request and serves notifications until the response comes.
func (p *Process) exchange(
	request *rpc.CriuReq,
	kind Kind,
	notify func(script string, pid, fd int) error,
) (Response, error) {
	if err := p.send(encode(request)); err != nil {
		return Response{}, err
	}
	var refused error
	for {
		r, fd, err := p.receive()
		if err != nil {
			if refused != nil {
				return r, refused
			}
			return r, err
		}
		if r.Kind != Notify || kind == Notify {
			if fd >= 0 {
				_ = unix.Close(fd)
			}
			if refused != nil && (!r.Success || refused != p.interrupted) {
				return r, refused
			}
			if r.Kind != kind && r.Success {
				return r, &diag.Error{Kind: diag.Host, Problem: "criu has answered another request"}
			}
			return r, nil
		}
		if p.interrupted != nil {
			err = p.interrupted
			if fd >= 0 {
				_ = unix.Close(fd)
			}
		} else if notify != nil {
			err = notify(r.Script, r.Pid, fd)
		} else if fd >= 0 {
			_ = unix.Close(fd)
		}
		if refused == nil {
			refused = err
		}
		if err := p.send(encode(&rpc.CriuReq{Type: new(Notify), NotifySuccess: optional(refused == nil)})); err != nil {
			if refused != nil {
				return r, refused
			}
			return r, err
		}
	}
}

// send sends a message. It returns io.EOF if criu has closed the socket.
func (p *Process) send(text []byte) error {
	for {
		_, err := unix.SendmsgN(p.socket, text, nil, nil, unix.MSG_NOSIGNAL)
		switch err {
		case nil:
			return nil
		case unix.EINTR:
		case unix.EPIPE, unix.ECONNRESET:
			return io.EOF
		default:
			return diag.Sys("the request can't be sent to criu", "sendmsg", err)
		}
	}
}

// receive receives a message, and the descriptor that criu has passed with it, or -1. It returns io.EOF if criu has
// closed the socket.
func (p *Process) receive() (Response, int, error) {
	text := make([]byte, 64<<10)
	control := make([]byte, unix.CmsgSpace(4))
	for {
		if err := p.await(); err != nil {
			_ = unix.Kill(p.Pid, unix.SIGKILL)
			return Response{}, -1, err
		}
		n, cn, flags, _, err := unix.Recvmsg(p.socket, text, control, unix.MSG_CMSG_CLOEXEC)
		switch {
		case err == unix.EINTR:
			continue
		case err == unix.ECONNRESET:
			return Response{}, -1, io.EOF
		case err != nil:
			return Response{}, -1, diag.Sys("the response of criu can't be received", "recvmsg", err)
		case n == 0:
			return Response{}, -1, io.EOF
		}
		fd := passed(control[:cn])
		r, err := decode(text[:n])
		if err == nil && flags&unix.MSG_TRUNC != 0 {
			err = errors.New("the message is longer than any of CRIU's")
		}
		if err != nil {
			if fd >= 0 {
				_ = unix.Close(fd)
			}
			return r, -1, &diag.Error{
				Kind:    diag.Host,
				Problem: "criu has sent a message that rt can't decode",
				Err:     err,
			}
		}
		return r, fd, nil
	}
}

// await waits until a message can be received, or rt is told to end and the grace period is over.
func (p *Process) await() error {
	const often = 100 // milliseconds
	for p.Interrupted != nil {
		fds := []unix.PollFd{{Fd: int32(p.socket), Events: unix.POLLIN}}
		if n, err := unix.Poll(fds, often); n > 0 || err != nil && err != unix.EINTR {
			return nil // recvmsg(2) reports an error of the socket
		}
		if p.interrupted == nil {
			if p.interrupted = p.Interrupted(); p.interrupted != nil {
				p.deadline = time.Now().Add(p.Grace)
			}
		}
		if p.interrupted != nil && !time.Now().Before(p.deadline) {
			return p.interrupted
		}
	}
	return nil
}

// passed returns the descriptor in a control message, or -1, and closes further ones.
func passed(control []byte) int {
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return -1
	}
	fd := -1
	for i := range messages {
		fds, err := unix.ParseUnixRights(&messages[i])
		for _, n := range fds {
			if err == nil && fd < 0 {
				fd = n
			} else {
				_ = unix.Close(n)
			}
		}
	}
	return fd
}

// hangUp closes the descriptors.
func (p *Process) hangUp() {
	for _, fd := range [...]*int{&p.socket, &p.stderr} {
		if *fd >= 0 {
			_ = unix.Close(*fd)
			*fd = -1
		}
	}
}

// Cancel kills a criu that has not got a request.
func (p *Process) Cancel() {
	_ = unix.Kill(p.Pid, unix.SIGKILL)
	p.end()
}

// ending is the exit status and output of criu.
type ending struct {
	status unix.WaitStatus
	stderr string
}

// end closes the socket, waits for criu, and returns its status and output.
func (p *Process) end() ending {
	_ = unix.Close(p.socket)
	p.socket = -1
	if !p.waitExit(exitTimeout) {
		_ = unix.Kill(p.Pid, unix.SIGKILL)
	}
	var e ending
	for {
		if _, err := unix.Wait4(p.Pid, &e.status, 0, nil); err != unix.EINTR {
			break
		}
	}
	if p.stderr >= 0 {
		text := make([]byte, 4096)
		if n, err := unix.Pread(p.stderr, text, 0); err == nil {
			e.stderr = strings.TrimSpace(string(text[:n]))
		}
	}
	p.hangUp()
	return e
}

// waitExit waits until criu has exited, at most for limit, and reports whether it has.
func (p *Process) waitExit(limit time.Duration) bool {
	pidfd, err := unix.PidfdOpen(p.Pid, 0)
	if err != nil {
		return true // no such process, or no descriptor is left for this: wait4(2) waits
	}
	defer func() { _ = unix.Close(pidfd) }()
	for deadline := time.Now().Add(limit); ; {
		left := max(time.Until(deadline), 0)
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}, int(left.Milliseconds()))
		if n > 0 || err != nil && err != unix.EINTR {
			return true
		}
		if left == 0 {
			return false
		}
	}
}

// explain returns the reason why criu has ended without a response, if err is io.EOF, or else err.
func explain(err error, e ending) error {
	if !errors.Is(err, io.EOF) {
		return err
	}
	d := &diag.Error{
		Kind:    diag.Host,
		Problem: "criu has ended without a response, with status " + strconv.Itoa(e.status.ExitStatus()),
	}
	if e.status.Signaled() {
		d.Problem = "criu was killed by " + unix.SignalName(e.status.Signal()) + " before it had responded"
	}
	if e.stderr != "" {
		d.Problem += "; its output: " + strings.ReplaceAll(e.stderr, "\n", "; ")
	}
	return d
}
