package hooks

import (
	"golang.org/x/sys/unix"

	"rt/internal/diag"
)

// output is the destination of one of the standard streams of a hook.
//
// A hook of the host writes to a file, not to a pipe, because a pipe ends only when its last writer does: a hook may
// leave a daemon behind, which must neither make rt wait nor die of SIGPIPE when rt has exited. A program of an image
// could fill the host's memory with such a file. It gets a pipe, of which rt reads everything and stores the end.
type output struct {
	write int    // the hook's
	read  int    // of a pipe; -1 for a file
	file  int    // of the host, which gets a copy; -1 is none
	last  []byte // the end of what came through a pipe
	room  int    // how many bytes more of a pipe the file gets
}

// The limits, in bytes: how much of the end of a stream an error repeats, and how much of a pipe is copied to a file.
const (
	keepBytes = 4096
	copyBytes = 1 << 20
)

// newOutput returns an output that is a pipe or a file in memory. file gets a copy of it, unless that is -1.
func newOutput(pipe bool, file int) (*output, error) {
	if pipe {
		var p [2]int
		if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
			return nil, err
		}
		_ = unix.SetNonblock(p[0], true)
		return &output{write: p[1], read: p[0], file: file, room: copyBytes}, nil
	}
	fd, err := unix.MemfdCreate("rt-hook", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING|unix.MFD_NOEXEC_SEAL)
	if err == unix.EINVAL { // MFD_NOEXEC_SEAL is Linux 6.3
		fd, err = unix.MemfdCreate("rt-hook", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	}
	if err != nil {
		return nil, err
	}
	// Two processes don't write over each other.
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_SETFL, unix.O_APPEND); err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	return &output{write: fd, read: -1, file: file}, nil
}

// closeHookEnd closes the descriptors that only the hook needs.
func (out *output) closeHookEnd() {
	if out.read >= 0 {
		out.write = closeFD(out.write)
	}
}

// drain reads what is in the pipe, at most one pipe full, so that a writer can't hold rt up. It reports false at the
// end of the pipe.
func (out *output) drain() bool {
	var buffer [4096]byte
	for range 16 {
		n, err := unix.Read(out.read, buffer[:])
		switch {
		case err == unix.EINTR:
		case err != nil:
			return err == unix.EAGAIN
		case n == 0:
			return false
		default:
			out.store(buffer[:n])
		}
	}
	return true
}

// store copies output from the pipe to the file, and keeps the end of it.
func (out *output) store(b []byte) {
	if out.file >= 0 && out.room > 0 {
		some := b[:min(len(b), out.room)]
		out.room -= len(some)
		_, _ = unix.Write(out.file, some)
	}
	out.last = append(out.last, b...)
	if n := len(out.last); n > 2*keepBytes {
		out.last = append(out.last[:0], out.last[n-keepBytes:]...)
	}
}

// end ends the output with the hook. A daemon that writes to a file later gets EPERM; otherwise the file would grow in
// memory that nobody reads.
func (out *output) end() {
	if out.read >= 0 {
		out.drain()
		return
	}
	_, _ = unix.FcntlInt(uintptr(out.write), unix.F_ADD_SEALS, unix.F_SEAL_GROW|unix.F_SEAL_SHRINK|unix.F_SEAL_WRITE)
	if out.file < 0 {
		return
	}
	var buffer [32 << 10]byte
	for offset := int64(0); ; {
		n, err := unix.Pread(out.write, buffer[:], offset)
		if err != nil || n <= 0 {
			return
		}
		offset += int64(n)
		if _, err := unix.Write(out.file, buffer[:n]); err != nil {
			return
		}
	}
}

// close closes all descriptors.
func (out *output) close() {
	out.write = closeFD(out.write)
	out.read = closeFD(out.read)
}

// lastOutput returns the end of what the hook wrote, on one line: a program that gives up says why last.
func (out *output) lastOutput() string {
	if out.read >= 0 || len(out.last) > 0 {
		return diag.OneLine(out.last[max(0, len(out.last)-keepBytes):])
	}
	var st unix.Stat_t
	if unix.Fstat(out.write, &st) != nil || st.Size == 0 {
		return ""
	}
	b := make([]byte, min(st.Size, keepBytes))
	n, err := unix.Pread(out.write, b, st.Size-int64(len(b)))
	if err != nil {
		return ""
	}
	return diag.OneLine(b[:n])
}
