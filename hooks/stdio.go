package hooks

import (
	"bytes"
	"unicode/utf8"

	"golang.org/x/sys/unix"
)

// input is the pipe that a hook reads the state from.
type input struct {
	read, write int
	rest        []byte // what the pipe had no room for
}

// newInput makes the pipe and fills it. A state of usual size fits whole, so that there is nothing to do while the hook runs, whether it reads or not.
func newInput(state []byte) (*input, error) {
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
		return nil, err
	}
	in := &input{read: p[0], write: p[1], rest: state}
	// Only the writing end must not block. The flag belongs to the open file description, and the ends have one each.
	if err := unix.SetNonblock(in.write, true); err != nil {
		in.close()
		return nil, err
	}
	in.fill()
	return in, nil
}

// fill writes what fits, and closes the pipe after the last byte or when nobody reads any more.
// EPIPE is no error: a hook need not read its stdin. Go turns the SIGPIPE of a descriptor above 2 into that errno (os/signal).
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
	in.write = shut(in.write)
}

func (in *input) closeRead() { in.read = shut(in.read) }

func (in *input) close() {
	in.read = shut(in.read)
	in.write = shut(in.write)
}

// output is the file that a hook's stdout and stderr go to. It is a file and not a pipe because a pipe ends only with the last
// process that holds it: a hook may leave a daemon behind, which must neither keep rt waiting nor die of SIGPIPE when rt is gone.
type output struct{ fd int }

// newOutput makes the file. It is in append mode, so that two processes don't write over each other.
func newOutput() (*output, error) {
	fd, err := unix.MemfdCreate("rt-hook", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING|unix.MFD_NOEXEC_SEAL)
	if err == unix.EINVAL { // MFD_NOEXEC_SEAL is Linux 6.3
		fd, err = unix.MemfdCreate("rt-hook", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	}
	if err != nil {
		return nil, err
	}
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_SETFL, unix.O_APPEND); err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	return &output{fd: fd}, nil
}

// seal ends the file with the hook: what a daemon writes later gets EPERM instead of growing in memory that nobody reads.
func (out *output) seal() {
	_, _ = unix.FcntlInt(uintptr(out.fd), unix.F_ADD_SEALS, unix.F_SEAL_GROW|unix.F_SEAL_SHRINK|unix.F_SEAL_WRITE)
}

func (out *output) close() { out.fd = shut(out.fd) }

// keepBytes is how much of the end of a hook's output an error repeats.
const keepBytes = 4096

// tail is the end of what the hook wrote, on one line. The end, since a program that gives up says why last.
func (out *output) tail() string {
	var st unix.Stat_t
	if unix.Fstat(out.fd, &st) != nil || st.Size == 0 {
		return ""
	}
	b := make([]byte, min(st.Size, keepBytes))
	n, err := unix.Pread(out.fd, b, st.Size-int64(len(b)))
	if err != nil {
		return ""
	}
	return oneLine(b[:n])
}

// oneLine joins the lines of text and drops what a terminal or a log would stumble over.
func oneLine(b []byte) string {
	var line []byte
	for part := range bytes.SplitSeq(b, []byte{'\n'}) {
		part = bytes.TrimSpace(part)
		if len(part) == 0 {
			continue
		}
		if len(line) > 0 {
			line = append(line, " | "...)
		}
		for len(part) > 0 {
			r, n := utf8.DecodeRune(part)
			part = part[n:]
			switch {
			case r == utf8.RuneError && n == 1: // a byte of a rune that was cut in two, or not text at all
			case r == '\t':
				line = append(line, ' ')
			case r < ' ' || r == 0x7f:
			default:
				line = utf8.AppendRune(line, r)
			}
		}
	}
	return string(line)
}

// shut closes fd unless it is closed already, and returns the mark of a closed one.
func shut(fd int) int {
	if fd >= 0 {
		_ = unix.Close(fd)
	}
	return -1
}
