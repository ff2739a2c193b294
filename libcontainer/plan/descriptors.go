package plan

import (
	"golang.org/x/sys/unix"

	"rt/nsenter"
)

// closeChannelOnExec marks the control channel close-on-exec: rt learns that the program was executed when the channel
// is closed without a report. It is the only descriptor of rt that stays open until then.
func (c processes) closeChannelOnExec() {
	c.call("", "set close-on-exec on the control channel", nsenter.Fcntl, nsenter.Num(c.plan.Ctl),
		nsenter.Flags(&nsenter.FcntlCommands, unix.F_SETFD), nsenter.Imm(unix.FD_CLOEXEC))
}

// closeDescriptors closes what the boot process has opened, what rt has opened for it, and what leaked into rt from its
// caller (CVE-2024-21626). Close-on-exec would not do: from here on the kernel follows paths of the image, and
// execve(2) does so before it closes anything, so that /proc/self/fd/N/../.. in a link of the image would lead out of
// the container through any open directory of the host.
//
// The standard streams stay open, what the caller asked to preserve, the control channel, and two descriptors through
// which no path leads: the socket that waits for `rt start`, which is closed after that, and the sealed program of
// --host-binary.
func (c start) closeDescriptors() error {
	const last = int64(^uint32(0))
	ctl := c.plan.Number(c.plan.Ctl)
	end := ctl - 1
	if n := len(c.plan.Files); n > 0 && harmless(c.plan.Files[n-1].Kind) {
		end--
	}
	if first := c.plan.FirstFD; first <= end {
		c.call("", "close the descriptors that rt passed", nsenter.CloseRange, nsenter.Imm(first), nsenter.Imm(end),
			nsenter.Imm(0))
	}
	c.call("", "close every other descriptor, leaked ones included", nsenter.CloseRange, nsenter.Imm(ctl+1),
		nsenter.Imm(last), nsenter.Imm(0))
	c.procOpen, c.masksMade = false, false
	return nil
}

// harmless reports whether no path leads through a file: it has no directory, and is none.
func harmless(kind FileKind) bool { return kind == FileStart || kind == FileBinary }
