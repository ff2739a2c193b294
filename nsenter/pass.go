package nsenter

import (
	"encoding/binary"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
)

// A program receives descriptors from rt with two steps: a read of HeaderSize bytes to the scratch memory at HeaderAt,
// and a recvmsg(2) with the structure that it has read, which receives at most MaxPassed of them. The kernel writes to
// that structure, and only the scratch memory of a boot image is writable, so rt sends the structure. Each descriptor
// gets the lowest free number.
const (
	HeaderAt   = 64
	HeaderSize = unix.SizeofMsghdr + sizeofIovec
	MaxPassed  = 253 // SCM_MAX_FD of the kernel

	sizeofIovec = 16
	iovecAt     = HeaderAt + unix.SizeofMsghdr
	byteAt      = HeaderAt + HeaderSize
	controlAt   = byteAt + 8
)

// Pass sends descriptors to a boot process that is about to receive them: see HeaderAt. The caller still has to close
// its own. That the boot process has died is no error: Next and the wait status tell it.
func (b *Boot) Pass(files []int) error {
	header := make([]byte, HeaderSize)
	rights := unix.UnixRights(files...)
	le := binary.NativeEndian
	le.PutUint64(header[16:], scratchAddress+iovecAt) // struct msghdr: msg_iov, msg_iovlen, msg_control, msg_controllen
	le.PutUint64(header[24:], 1)
	le.PutUint64(header[32:], scratchAddress+controlAt)
	le.PutUint64(header[40:], uint64(len(rights)))
	le.PutUint64(header[unix.SizeofMsghdr:], scratchAddress+byteAt) // struct iovec
	le.PutUint64(header[unix.SizeofMsghdr+8:], 1)
	_, err := unix.SendmsgN(b.ctl, header, nil, nil, unix.MSG_NOSIGNAL)
	if err == nil {
		_, err = unix.SendmsgN(b.ctl, []byte{1}, rights, nil, unix.MSG_NOSIGNAL)
	}
	if err == unix.EPIPE || err == unix.ECONNRESET {
		return nil
	}
	if err != nil {
		return diag.Sys("descriptors can't be passed to the boot process", "sendmsg", err)
	}
	return nil
}
