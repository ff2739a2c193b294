package plan

import (
	"strconv"

	"golang.org/x/sys/unix"

	"rt/nsenter"
)

// resetSignals resets the signals that rt's caller ignores or blocks, as nohup(1) does and a program with a
// signalfd(2). These settings survive execve(2), and the container would never receive the signals.
func (c processes) resetSignals() {
	const sizeofSet = 8
	for n := unix.Signal(1); n <= 64; n++ {
		if c.opt.IgnoredSignals&(1<<(n-1)) == 0 {
			continue
		}
		name := unix.SignalName(n)
		if name == "" {
			name = "signal " + strconv.Itoa(int(n))
		}
		const sizeofSigaction = 32 // the kernel's, of 64-bit machines
		c.call("", "reset "+name+", which rt's caller ignores", nsenter.RtSigaction, nsenter.Imm(int(n)),
			nsenter.Data(string(make([]byte, sizeofSigaction)), "{SIG_DFL}"), nsenter.Imm(0), nsenter.Imm(sizeofSet))
	}
	if c.opt.BlockedSignals != 0 {
		c.call("", "unblock the signals that rt's caller blocks", nsenter.RtSigprocmask, nsenter.Imm(unix.SIG_SETMASK),
			nsenter.Data(string(make([]byte, sizeofSet)), "{}"), nsenter.Imm(0), nsenter.Imm(sizeofSet))
	}
}
