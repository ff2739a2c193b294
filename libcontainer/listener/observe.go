package listener

import (
	"unsafe"

	"golang.org/x/sys/unix"

	"rt/seccomp"
)

// Observer is a seccomp agent that records each call and lets it continue.
type Observer struct {
	listener int
	stop     [2]int        // a pipe: its hangup ends the goroutine
	done     chan struct{} // closed when the goroutine has ended
	recorder *seccomp.Recorder
	executed bool // the boot process has called execve(2): later calls are those of programs
}

// Observe answers the calls of listener from now on, until Finish.
func Observe(listener int, recorder *seccomp.Recorder) *Observer {
	o := &Observer{listener: listener, stop: [2]int{-1, -1}, done: make(chan struct{}), recorder: recorder}
	// If no descriptor is left for a pipe, the end of the container still ends the goroutine.
	_ = unix.Pipe2(o.stop[:], unix.O_CLOEXEC)
	go o.answer()
	return o
}

// Finish returns when all calls are recorded. The processes of the container must have ended.
func (o *Observer) Finish() {
	_ = unix.Close(o.stop[1])
	<-o.done
	_ = unix.Close(o.stop[0])
	_ = unix.Close(o.listener)
}

// answer answers calls until the filter has no process any more (POLLHUP, Linux 5.9), or Finish is called.
func (o *Observer) answer() {
	defer close(o.done)
	fds := [2]unix.PollFd{{Fd: int32(o.listener), Events: unix.POLLIN}, {Fd: int32(o.stop[0]), Events: unix.POLLIN}}
	for {
		if _, err := unix.Poll(fds[:], -1); err != nil && err != unix.EINTR {
			return
		}
		switch {
		case fds[0].Revents&unix.POLLIN != 0:
			o.answerOne()
		case fds[0].Revents != 0, fds[1].Revents != 0:
			return
		}
	}
}

// notification is struct seccomp_notif of linux/seccomp.h, with space for later kernels.
type notification struct {
	id     uint64
	pid    uint32
	flags  uint32
	number int32
	audit  uint32
	ip     uint64
	args   [6]uint64
	_      [176]byte
}

// response is struct seccomp_notif_resp.
type response struct {
	id    uint64
	value int64
	errno int32
	flags uint32
	_     [40]byte
}

// answerOne records one call and lets it continue. It ignores a call whose process was killed or interrupted meanwhile.
func (o *Observer) answerOne() {
	var n notification // the kernel requires zeros
	if !ioctl(o.listener, unix.SECCOMP_IOCTL_NOTIF_RECV, unsafe.Pointer(&n)) {
		return
	}
	name := ""
	record := o.recorder.Add
	if !o.executed {
		_, name = seccomp.CallName(n.audit, uint32(n.number))
		o.executed = name == "execve" || name == "execveat"
		record = o.recorder.AddOwn
	}
	if name != "read" { // before execve(2) only the boot process calls read: it waits until rt observes
		record(n.audit, uint32(n.number))
	}
	ioctl(o.listener, unix.SECCOMP_IOCTL_NOTIF_SEND, unsafe.Pointer(&response{
		id:    n.id,
		flags: unix.SECCOMP_USER_NOTIF_FLAG_CONTINUE,
	}))
}

// ioctl reports whether an ioctl(2) has succeeded.
func ioctl(fd int, request uintptr, arg unsafe.Pointer) bool {
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), request, uintptr(arg))
	return errno == 0
}
