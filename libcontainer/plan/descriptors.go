package plan

import (
	"golang.org/x/sys/unix"

	"rt/nsenter"
)

// closeChannelOnExec marks the control channel: that it is closed without a report is how rt learns that the program
// was executed. It is the only descriptor of rt's that is open so long.
func (c *compiler) closeChannelOnExec() {
	c.do("", "the final exec closes the control channel", nsenter.Fcntl, nsenter.Num(c.plan.Ctl),
		nsenter.Flags(&nsenter.FcntlCommands, unix.F_SETFD), nsenter.Imm(unix.FD_CLOEXEC))
}

// letGo closes what the boot process has opened, what rt has opened for it, and what leaked into rt from its caller
// (CVE-2024-21626). To mark it close-on-exec would not do: from here on the kernel follows paths of the image, and with
// execve(2) it does so before it closes anything, so that /proc/self/fd/N/../.. in a link of the image would lead out
// of the container through any directory of the host's that is open.
//
// What stays is the standard streams, what the caller asked to preserve, the control channel, and what is no way to
// anywhere: the socket that waits for `rt start`, which is closed when that has come, and the sealed program of
// --host-binary.
func (c *compiler) letGo() error {
	const last = int64(^uint32(0))
	ctl := c.plan.Number(c.plan.Ctl)
	end := ctl - 1
	if n := len(c.plan.Files); n > 0 && harmless(c.plan.Files[n-1].Kind) {
		end--
	}
	if first := c.plan.FirstFD; first <= end {
		c.do("", "close the descriptors that rt passed", nsenter.CloseRange, nsenter.Imm(first), nsenter.Imm(end),
			nsenter.Imm(0))
	}
	c.do("", "close every other descriptor, leaked ones included", nsenter.CloseRange, nsenter.Imm(ctl+1),
		nsenter.Imm(last), nsenter.Imm(0))
	c.procOpen, c.nullOpen = false, false
	return nil
}

// harmless reports whether nothing can be found by way of a file: it has no directory, and is no directory.
func harmless(kind FileKind) bool { return kind == FileStart || kind == FileBinary }
