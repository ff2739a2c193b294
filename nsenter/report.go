package nsenter

import (
	"encoding/binary"
	"errors"
	"io"
	"unsafe"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
)

// Record is one report of a boot process, decoded.
type Record struct {
	Kind  Kind
	Step  int   // index in Program.Steps, as the boot process says: it has not been checked
	Value int64 // the result of the step that failed, or the register that a sync point reports
	Start int64 // with Trace: when the step began and ended, in nanoseconds of CLOCK_MONOTONIC
	End   int64
}

// Kind is the kind of a Record.
type Kind uint32

// The kinds of records. After Failed nothing more comes.
const (
	Failed Kind = reportFailed
	Sync   Kind = reportSync
	Trace  Kind = reportTrace
)

// The sizes of reports, in bytes.
const (
	reportSize = 16
	traceSize  = reportSize + 2*sizeofTimespec
)

// ErrReport says that a message on the control channel does not have the form of a report.
var ErrReport = errors.New("a message that is not a report")

// Next waits for the next report and returns it. io.EOF says that the boot process has closed the channel: it executed
// the user's program, or it has died. A descriptor that the report brings is returned as fd, which is -1 otherwise.
// Reports are untrusted input: a message of another size or kind, or with more than one descriptor, is ErrReport, and
// its descriptors are closed.
func (b *Boot) Next() (r Record, fd int, err error) {
	var message [traceSize]byte
	var control [64]byte
	AwaitBriefly(b.ctl)
	n, cn, flags, err := recvmsg(b.ctl, message[:], control[:])
	if err == unix.ECONNRESET {
		// Linux says so once if the other side died with unread bytes, before the messages that it has sent: its last
		// report may still follow.
		n, cn, flags, err = recvmsg(b.ctl, message[:], control[:])
	}
	if err == unix.ENOTCONN {
		// Linux 5.13 to 6.1 say so after an answer that failed with ECONNREFUSED.
		return r, -1, io.EOF
	}
	if err != nil {
		return r, -1, diag.Sys("the report of the boot process can't be read", "recvmsg", err)
	}
	fds := receivedDescriptors(control[:cn])
	if n == 0 && len(fds) == 0 {
		return r, -1, io.EOF
	}
	r, ok := parseReport(message[:n])
	if !ok || len(fds) > 1 || flags&(unix.MSG_TRUNC|unix.MSG_CTRUNC) != 0 {
		for _, fd := range fds {
			_ = unix.Close(fd)
		}
		return Record{}, -1, ErrReport
	}
	if len(fds) == 1 {
		return r, fds[0], nil
	}
	return r, -1, nil
}

// parseReport decodes a report, and reports whether it is one: doc.go has its layout.
func parseReport(message []byte) (r Record, ok bool) {
	if len(message) < reportSize {
		return r, false
	}
	ne := binary.NativeEndian
	r.Kind = Kind(ne.Uint32(message))
	r.Step = int(ne.Uint32(message[4:]))
	r.Value = int64(ne.Uint64(message[8:]))
	switch r.Kind {
	case Failed, Sync:
		return r, len(message) == reportSize
	case Trace:
		if len(message) != traceSize {
			return r, false
		}
		const second = 1e9
		r.Start = int64(ne.Uint64(message[16:]))*second + int64(ne.Uint64(message[24:]))
		r.End = int64(ne.Uint64(message[32:]))*second + int64(ne.Uint64(message[40:]))
		return r, true
	}
	return r, false
}

// AwaitBriefly waits until fd can be read, or some milliseconds have passed, in a system call that the Go scheduler
// does not know of. Otherwise the scheduler would hand the processor to another thread, which it may have to make
// first, and take it back: more work than the boot process needs to send its report. A caller that waits longer should
// use a call that the scheduler knows after this one.
//
// It reports whether there is something to read, or the other side has closed.
func AwaitBriefly(fd int) bool {
	const milliseconds = 8 // the scheduler takes the processor from a thread that has not answered for 10
	fds := [1]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	timeout := unix.Timespec{Nsec: milliseconds * 1e6}
	n, _, _ := unix.RawSyscall6(unix.SYS_PPOLL, uintptr(unsafe.Pointer(&fds[0])), 1, uintptr(unsafe.Pointer(&timeout)),
		0, 0, 0)
	return n == 1
}

// recvmsg is recvmsg(2), repeated after EINTR.
func recvmsg(fd int, p, control []byte) (n, cn, flags int, err error) {
	for {
		n, cn, flags, _, err = unix.Recvmsg(fd, p, control, unix.MSG_CMSG_CLOEXEC)
		if err != unix.EINTR {
			return n, cn, flags, err
		}
	}
}

// receivedDescriptors returns the descriptors in the control messages.
func receivedDescriptors(control []byte) (fds []int) {
	if len(control) < unix.SizeofCmsghdr {
		return nil
	}
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return nil
	}
	for i := range messages {
		if some, err := unix.ParseUnixRights(&messages[i]); err == nil {
			fds = append(fds, some...)
		}
	}
	return fds
}
