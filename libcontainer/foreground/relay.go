package foreground

import (
	"time"

	"golang.org/x/sys/unix"
)

// tick is how often a relay that waits for nothing but its reader looks whether it is told to end: poll(2) need not return at a signal that another
// thread has taken.
const tick = 100 * time.Millisecond

// grace is how long the reader of the output of a process that was killed may read nothing before rt ends without it. A variable, so that a test need not
// wait as long.
var grace = time.Second

// relay copies between the master of a terminal and two descriptors of rt's, holding a limited number of bytes each way: what one side does not take never
// keeps the other from being served, nor the end of the process from being seen.
type relay struct {
	master int // rt's alone, and non-blocking
	in     int // what is typed; -1 at its end
	out    *output
	typed  []byte // to be written to the master, at most limit
	last   byte   // of what was typed before
	eof    bool   // the end of in is still to be typed
	own    int    // the other side of the terminal, held open; -1

	unfollow func() // ends what changes the terminal's size; nil
}

// Relay relays between a terminal and rt's standard streams until the process of pidfd has ended, which reap waits for; it reports whether the process was
// killed. rt's terminal, if standard input is one, is in raw mode meanwhile. What the process has written before its end is not lost, but of a process that
// was killed if nobody reads it. The master is Relay's to close.
func Relay(master, pidfd int, reap func() (killed bool)) error {
	restore, err := makeRaw()
	if err != nil {
		_ = unix.Close(master)
		return err
	}
	r, err := newRelay(master, 0, 1)
	if err != nil {
		restore()
		_ = unix.Close(master)
		return err
	}
	defer r.close()
	r.unfollow = follow(master)
	r.untilEnd(pidfd)
	restore()
	killed := reap()
	KeepSignals() // which are for rt itself from now on
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
	// A process that closes the terminal may open it again, as an init does for each line that it says on /dev/console. A master whose other side nobody holds
	// can't be told from one whose other side is gone (EIO), and can't be waited for.
	r.own = peer(master)
	return r, nil
}

// peer opens the other side of a terminal, without a name of the container's (ioctl_tty(2), TIOCGPTPEER); -1 if that can't be.
func peer(master int) int {
	fd, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(master), unix.TIOCGPTPEER, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC)
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

// untilEnd relays until the process has ended.
func (r *relay) untilEnd(pidfd int) {
	for {
		fds := [...]unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}, r.pollMaster(), r.pollInput(), {Fd: int32(r.out.done), Events: unix.POLLIN}}
		if _, err := unix.Poll(fds[:], -1); err != nil && err != unix.EINTR {
			return
		}
		r.serve(fds[1].Revents, fds[2].Revents, fds[3].Revents)
		if fds[0].Revents != 0 {
			return
		}
	}
}

// drain writes out what is left in the terminal when the process has ended, at most what the kernel holds of it: others may still write there. A process that
// was killed ends for a reader that has stopped, too; one that has come to its end by itself has said all it had to say, and that waits for its
// reader until rt is told to end, as it would without a terminal.
func (r *relay) drain(killed bool) {
	const most = 128 << 10
	r.in, r.typed, r.eof = -1, nil, false
	written, since := r.out.written.Load(), time.Now()
	for left := most; !toldToEnd(); {
		if room := r.out.room(); r.master >= 0 && left > 0 && len(room) > 0 {
			n, err := unix.Read(r.master, room[:min(len(room), left)])
			switch {
			case err == unix.EINTR:
				continue
			case err != nil || n <= 0:
				left = 0 // EAGAIN: there is no more; EIO: nor will there be
			default:
				left -= n
				r.out.took(n)
				continue
			}
		}
		if r.out.idle() {
			return
		}
		fds := [...]unix.PollFd{{Fd: int32(r.out.done), Events: unix.POLLIN}}
		if n, _ := unix.Poll(fds[:], int(tick/time.Millisecond)); n > 0 {
			r.out.wake()
		}
		if now := r.out.written.Load(); now != written {
			written, since = now, time.Now()
		}
		if killed && time.Since(since) > grace {
			return
		}
	}
}

// pollMaster is what can be done with the master now. One that nothing is to be done with is left out: poll(2) would report its hangup again and again.
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

// serve does what poll(2) says can be done.
func (r *relay) serve(master, in, done int16) {
	if done != 0 {
		r.out.wake()
	}
	if r.out.gone() {
		// A program that writes to a pipe without a reader ends by SIGPIPE, and its terminal, if it holds one, is hung up.
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

// readMaster takes what the container has written.
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
		r.out.took(n)
	}
}

// reopen opens the other side again, which a session that ended or vhangup(2) has taken from all who had it. What opens it next is heard then.
func (r *relay) reopen() {
	if r.own >= 0 {
		_ = unix.Close(r.own)
	}
	if r.own = peer(r.master); r.own < 0 {
		r.hangUp()
	}
}

// readInput takes what is typed.
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

// writeMaster types what the terminal takes of what was typed, and then the end.
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
		r.typed = r.typed[:0] // a terminal that was hung up takes nothing
	default:
		r.last = r.typed[n-1]
		r.typed = r.typed[:copy(r.typed, r.typed[n:])]
	}
}

// endOfFile is what a person would type at the end of the input. In canonical mode that is the character VEOF, which in the middle of a line only ends
// the line (termios(3)): then it takes a second one.
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
