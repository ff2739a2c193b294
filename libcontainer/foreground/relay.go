package foreground

import (
	"time"

	"golang.org/x/sys/unix"
)

// tick is how often a relay that waits only for its reader checks for a signal to end: poll(2) does not return on a
// signal that another thread has handled.
const tick = 100 * time.Millisecond

// grace is how long rt waits for a reader that reads nothing, after the process was killed. Only tests change it.
var grace = time.Second

// relay copies between the master of a terminal and two descriptors of rt, with a bounded buffer each way: a side that
// reads nothing blocks neither the other side nor the detection of the process's end.
type relay struct {
	master int // only rt has it, and it is non-blocking
	in     int // the input; -1 at its end
	out    *output
	typed  []byte // to be written to the master, at most limit
	last   byte   // of the input already written to the master
	eof    bool   // the end of in is still to be passed on
	own    int    // the other side of the terminal, open in rt; -1 if it is not

	unfollow func() // stops follow; nil if it does not run
}

// Relay relays between a terminal and rt's standard streams until the process of pidfd has ended; reap waits for it,
// and reports whether it was killed. rt's terminal, if standard input is one, is in raw mode meanwhile. Output that the
// process has written before its end is not lost, unless the process was killed and the reader reads nothing. Relay
// closes the master.
func Relay(master, pidfd int, streams [3]int, reap func() (killed bool)) error {
	restore, err := makeRaw(streams[0])
	if err != nil {
		_ = unix.Close(master)
		return err
	}
	r, err := newRelay(master, streams[0], streams[1])
	if err != nil {
		restore()
		_ = unix.Close(master)
		return err
	}
	defer r.close()
	r.unfollow = follow(master, streams)
	r.serveUntilEnd(pidfd)
	restore()
	killed := reap()
	KeepSignals() // they are meant for rt from now on
	r.drain(killed)
	return nil
}

func newRelay(master, in, out int) (*relay, error) {
	if err := unix.SetNonblock(master, true); err != nil {
		return nil, err
	}
	if _, err := unix.FcntlInt(uintptr(in), unix.F_GETFD, 0); err != nil {
		in = -1 // it is closed
	}
	o, err := newOutput(out)
	if err != nil {
		return nil, err
	}
	r := &relay{master: master, in: in, out: o, typed: make([]byte, 0, limit)}
	// A process that closes the terminal may open it again, as an init does for each line that it writes to
	// /dev/console. While no process has the other side open, reads of the master fail with EIO, and poll(2) reports
	// its hangup.
	r.own = openPeer(master)
	return r, nil
}

// openPeer opens the other side of a terminal, without a path of the container (ioctl_tty(2), TIOCGPTPEER); -1 on an
// error.
func openPeer(master int) int {
	const flags = unix.O_RDWR | unix.O_NOCTTY | unix.O_CLOEXEC
	fd, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(master), unix.TIOCGPTPEER, flags)
	if errno != 0 {
		return -1
	}
	return int(fd)
}

func (r *relay) close() {
	r.out.close()
	r.hangUp()
}

// hangUp closes the terminal.
func (r *relay) hangUp() {
	if r.unfollow != nil {
		r.unfollow()
		r.unfollow = nil
	}
	for _, fd := range [...]*int{&r.own, &r.master} {
		if *fd >= 0 {
			_ = unix.Close(*fd)
			*fd = -1
		}
	}
}

// serveUntilEnd relays until the process has ended.
func (r *relay) serveUntilEnd(pidfd int) {
	for {
		fds := [...]unix.PollFd{
			{Fd: int32(pidfd), Events: unix.POLLIN},
			r.pollMaster(),
			r.pollInput(),
			{Fd: int32(r.out.done), Events: unix.POLLIN},
		}
		if _, err := unix.Poll(fds[:], -1); err != nil && err != unix.EINTR {
			return
		}
		r.serve(fds[1].Revents, fds[2].Revents, fds[3].Revents)
		if fds[0].Revents != 0 {
			return
		}
	}
}

// drain writes out what is left in the terminal when the process has ended, at most as much as the kernel buffers:
// other processes may still write to it. If the process was killed, drain waits for a reader that reads nothing only
// for grace. Otherwise it waits until a signal ends rt, as a write without a terminal would.
func (r *relay) drain(killed bool) {
	const most = 128 << 10
	r.in, r.typed, r.eof = -1, nil, false
	written, since := r.out.written.Load(), time.Now()
	for left := most; !endPending(); {
		if room := r.out.room(); r.master >= 0 && left > 0 && len(room) > 0 {
			n, err := unix.Read(r.master, room[:min(len(room), left)])
			switch {
			case err == unix.EINTR:
				continue
			case err != nil || n <= 0:
				left = 0 // EAGAIN: there is no more now; EIO: there will be no more
			default:
				left -= n
				r.out.addRead(n)
				continue
			}
		}
		if r.out.isIdle() {
			return
		}
		fds := [...]unix.PollFd{{Fd: int32(r.out.done), Events: unix.POLLIN}}
		if n, _ := unix.Poll(fds[:], int(tick/time.Millisecond)); n > 0 {
			r.out.endWrite()
		}
		if now := r.out.written.Load(); now != written {
			written, since = now, time.Now()
		}
		if killed && time.Since(since) > grace {
			return
		}
	}
}

// pollMaster returns what to poll the master for. If that is nothing the master is left out: poll(2) would report its
// hangup again and again.
func (r *relay) pollMaster() unix.PollFd {
	p := unix.PollFd{Fd: -1}
	if len(r.out.room()) > 0 {
		p.Events |= unix.POLLIN
	}
	if len(r.typed) > 0 || r.eof {
		p.Events |= unix.POLLOUT
	}
	if p.Events != 0 {
		p.Fd = int32(r.master)
	}
	return p
}

func (r *relay) pollInput() unix.PollFd {
	if len(r.typed) == cap(r.typed) {
		return unix.PollFd{Fd: -1}
	}
	return unix.PollFd{Fd: int32(r.in), Events: unix.POLLIN}
}

// serve reads and writes what poll(2) has reported ready.
func (r *relay) serve(master, in, done int16) {
	if done != 0 {
		r.out.endWrite()
	}
	if r.out.isGone() {
		// A program that writes to a pipe without a reader is killed by SIGPIPE, and its terminal is hung up.
		r.hangUp()
		r.in = -1
		return
	}
	if in != 0 {
		r.readInput()
	}
	if master&unix.POLLOUT != 0 {
		r.writeMaster()
	}
	if master&^unix.POLLOUT != 0 {
		r.readMaster()
	}
}

// readMaster reads what the container has written.
func (r *relay) readMaster() {
	room := r.out.room()
	if len(room) == 0 {
		return
	}
	n, err := unix.Read(r.master, room)
	switch {
	case err == unix.EINTR || err == unix.EAGAIN:
	case err != nil || n <= 0:
		r.reopen()
	default:
		r.out.addRead(n)
	}
}

// reopen opens the other side again after a hangup (the end of a session, or vhangup(2)), for processes that open it
// later.
func (r *relay) reopen() {
	if r.own >= 0 {
		_ = unix.Close(r.own)
	}
	if r.own = openPeer(r.master); r.own < 0 {
		r.hangUp()
	}
}

// readInput reads the input.
func (r *relay) readInput() {
	n, err := unix.Read(r.in, r.typed[len(r.typed):cap(r.typed)])
	switch {
	case err == unix.EINTR || err == unix.EAGAIN:
	case err != nil || n <= 0:
		r.in, r.eof = -1, true
	default:
		r.typed = r.typed[:len(r.typed)+n]
	}
}

// writeMaster writes as much of the input as the terminal takes, and then its end.
func (r *relay) writeMaster() {
	if len(r.typed) == 0 {
		if r.eof {
			r.eof = false
			_, _ = unix.Write(r.master, r.endOfFile())
		}
		return
	}
	n, err := unix.Write(r.master, r.typed)
	switch {
	case err == unix.EINTR || err == unix.EAGAIN:
	case err != nil:
		r.typed = r.typed[:0] // the terminal was hung up
	default:
		r.last = r.typed[n-1]
		r.typed = r.typed[:copy(r.typed, r.typed[n:])]
	}
}

// endOfFile returns what signals the end of the input. In canonical mode that is the character VEOF. In the middle of a
// line it only ends the line (termios(3)), and a second one is needed.
func (r *relay) endOfFile() []byte {
	const endOfTransmission = 4
	modes, err := unix.IoctlGetTermios(r.master, unix.TCGETS)
	if err != nil || modes.Lflag&unix.ICANON == 0 || modes.Cc[unix.VEOF] == 0 {
		return []byte{endOfTransmission}
	}
	end := modes.Cc[unix.VEOF]
	if r.last != 0 && r.last != '\n' && r.last != '\r' {
		return []byte{end, end}
	}
	return []byte{end}
}
