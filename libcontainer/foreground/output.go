package foreground

import (
	"encoding/binary"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// piece is the maximum size, in bytes, of one write(2). During a larger write a slow reader could not be told from a
// stopped one.
const piece = 4 << 10

// output writes to a descriptor that rt shares with other processes. O_NONBLOCK belongs to the open file description
// (open(2)), so rt must not set it, and a write that is larger than the free space blocks, whatever poll(2) says. So a
// separate thread writes.
type output struct {
	fd      int
	chunks  chan []byte
	done    int          // eventfd(2): a chunk has been written, or can't be
	written atomic.Int64 // bytes so far
	refused atomic.Int32 // errno of the write that failed
	busy    bool         // a chunk is being written; only the relay uses it
	pending []byte       // what was read meanwhile, at most limit; only the relay uses it
	spare   []byte       // the buffer of the last chunk
}

// limit is the size of a relay's buffer in each direction, in bytes.
const limit = 32 << 10

func newOutput(fd int) (*output, error) {
	done, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return nil, err
	}
	o := &output{
		fd:      fd,
		chunks:  make(chan []byte, 1),
		done:    done,
		pending: make([]byte, 0, limit),
		spare:   make([]byte, 0, limit),
	}
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
		case err == unix.EAGAIN: // another process has made it non-blocking
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

// room returns the free space of the buffer, for the next bytes; it may be empty.
func (o *output) room() []byte { return o.pending[len(o.pending):cap(o.pending)] }

// addRead records that n bytes were read into room.
func (o *output) addRead(n int) {
	o.pending = o.pending[:len(o.pending)+n]
	if o.refused.Load() != 0 {
		o.pending = o.pending[:0] // the output failed
	}
	o.passPending()
}

// passPending passes what is pending to the thread, if the thread is idle.
func (o *output) passPending() {
	if !o.busy && len(o.pending) > 0 {
		o.busy = true
		o.chunks <- o.pending
		o.pending, o.spare = o.spare[:0], o.pending
	}
}

// endWrite is called when a chunk was written.
func (o *output) endWrite() {
	var count [8]byte
	if _, err := unix.Read(o.done, count[:]); err == nil {
		o.busy = false
		o.passPending()
	}
}

// isIdle reports whether everything was written.
func (o *output) isIdle() bool { return !o.busy }

// isGone reports whether the output has no reader any more: pipe(7), EPIPE.
func (o *output) isGone() bool { return unix.Errno(o.refused.Load()) == unix.EPIPE }

// close ends the thread, unless it is blocked in a write; then it ends with rt.
func (o *output) close() {
	close(o.chunks)
	if o.isIdle() {
		_ = unix.Close(o.done)
	}
}
