package foreground

import (
	"encoding/binary"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// piece is the most that is written at once: what is written of a larger one shows late, and so a slow reader would look like one that has stopped.
const piece = 4 << 10

// output writes to a descriptor that rt shares with others. It can't be made non-blocking, because that is a property of all who share it (open(2), O_NONBLOCK:
// of the open file description), and a write of more than there is room for blocks, whatever poll(2) has said. So a thread of its own waits.
type output struct {
	fd      int
	chunks  chan []byte
	done    int          // eventfd(2): a chunk has been written, or can't be
	written atomic.Int64 // bytes so far
	refused atomic.Int32 // errno of the write that failed
	busy    bool         // a chunk is under way; the relay's own
	pending []byte       // what has come meanwhile, at most limit; the relay's own
	spare   []byte       // the block of the chunk before
}

// limit is how much each direction of a relay holds.
const limit = 32 << 10

func newOutput(fd int) (*output, error) {
	done, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return nil, err
	}
	o := &output{fd: fd, chunks: make(chan []byte, 1), done: done, pending: make([]byte, 0, limit), spare: make([]byte, 0, limit)}
	go o.run()
	return o, nil
}

// run writes chunks until there are no more.
func (o *output) run() {
	var one [8]byte
	binary.NativeEndian.PutUint64(one[:], 1)
	for chunk := range o.chunks {
		o.write(chunk)
		_, _ = unix.Write(o.done, one[:])
	}
}

func (o *output) write(chunk []byte) {
	for len(chunk) > 0 && o.refused.Load() == 0 {
		n, err := unix.Write(o.fd, chunk[:min(len(chunk), piece)])
		switch {
		case err == unix.EINTR:
		case err == unix.EAGAIN: // somebody has made it non-blocking
			_, _ = unix.Poll([]unix.PollFd{{Fd: int32(o.fd), Events: unix.POLLOUT}}, -1)
		case err != nil:
			errno, _ := err.(unix.Errno) //nolint:errorlint // package unix returns it bare
			o.refused.Store(int32(errno))
		default:
			o.written.Add(int64(n))
			chunk = chunk[n:]
		}
	}
}

// room is where the next bytes go; empty if there is none.
func (o *output) room() []byte { return o.pending[len(o.pending):cap(o.pending)] }

// took says that n bytes have come into room.
func (o *output) took(n int) {
	o.pending = o.pending[:len(o.pending)+n]
	if o.refused.Load() != 0 {
		o.pending = o.pending[:0] // nobody wants it
	}
	o.hand()
}

// hand hands what is pending to the thread, if that has nothing to do.
func (o *output) hand() {
	if !o.busy && len(o.pending) > 0 {
		o.busy = true
		o.chunks <- o.pending
		o.pending, o.spare = o.spare[:0], o.pending
	}
}

// wake takes the news of a chunk that has been written.
func (o *output) wake() {
	var count [8]byte
	if _, err := unix.Read(o.done, count[:]); err == nil {
		o.busy = false
		o.hand()
	}
}

// idle reports whether all has been written.
func (o *output) idle() bool { return !o.busy }

// gone reports whether there is nobody any more who could read it: pipe(7), EPIPE.
func (o *output) gone() bool { return unix.Errno(o.refused.Load()) == unix.EPIPE }

// close ends the thread, unless it is stuck; then it goes with the process.
func (o *output) close() {
	close(o.chunks)
	if o.idle() {
		_ = unix.Close(o.done)
	}
}
