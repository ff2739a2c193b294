package hooks

import "golang.org/x/sys/unix"

// input is the pipe that a hook reads the state from.
type input struct {
	read, write int
	rest        []byte // what the pipe had no room for
}

// newInput makes the pipe and fills it. A state of the usual size fits whole, so that nothing has to be written while
// the hook runs, whether it reads or not.
func newInput(state []byte) (*input, error) {
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
		return nil, err
	}
	in := &input{read: p[0], write: p[1], rest: state}
	// Only the writing end must not block. The flag belongs to the open file description, and each end has its own.
	if err := unix.SetNonblock(in.write, true); err != nil {
		in.close()
		return nil, err
	}
	in.fill()
	return in, nil
}

// fill writes as much as fits, and closes the pipe after the last byte or when it has no reader any more. EPIPE is no
// error: a hook need not read its stdin. Go turns the SIGPIPE of a descriptor above 2 into that errno (os/signal).
func (in *input) fill() {
	for len(in.rest) > 0 {
		n, err := unix.Write(in.write, in.rest)
		switch err {
		case nil:
			in.rest = in.rest[n:]
		case unix.EINTR:
		case unix.EAGAIN:
			return
		default:
			in.rest = nil
		}
	}
	in.write = closeFD(in.write)
}

// closeRead closes the end from which the hook reads, once the hook has it.
func (in *input) closeRead() { in.read = closeFD(in.read) }

// close closes both ends.
func (in *input) close() {
	in.read = closeFD(in.read)
	in.write = closeFD(in.write)
}

// closeFD closes fd unless it is closed already, and returns the mark of a closed one.
func closeFD(fd int) int {
	if fd >= 0 {
		_ = unix.Close(fd)
	}
	return -1
}
