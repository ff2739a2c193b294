package nsenter

import (
	"errors"
	"io"
	"testing"

	"golang.org/x/sys/unix"
)

// TestAnswerToOneThatHasEnded: the kernel tells with EPIPE, and before Linux 6.2 with ECONNREFUSED while the process is
// just ending. A socket of datagrams always fails with that.
func TestAnswerToOneThatHasEnded(t *testing.T) {
	for kind, errno := range map[int]unix.Errno{unix.SOCK_SEQPACKET: unix.EPIPE, unix.SOCK_DGRAM: unix.ECONNREFUSED} {
		for name, send := range map[string]func(b *Boot) error{
			"sendmsg": func(b *Boot) error {
				if _, err := unix.SendmsgN(b.FD(), []byte{1}, nil, nil, unix.MSG_NOSIGNAL); err != errno {
					return err
				}
				return ErrEnded
			},
			"Release": (*Boot).Release,
		} {
			pair, err := unix.Socketpair(unix.AF_UNIX, kind|unix.SOCK_CLOEXEC, 0)
			if err != nil {
				t.Fatal(err)
			}
			b := NewBoot(pair[0], 0)
			_ = unix.Close(pair[1])
			if err := send(b); !errors.Is(err, ErrEnded) {
				t.Errorf("%s, for which sendmsg fails with %v: %v", name, errno, err)
			}
			b.Close()
		}
	}
}

// TestReportOfADisconnectedChannel has a socket in the state in which ECONNREFUSED leaves one on Linux 5.13 to 6.1.
func TestReportOfADisconnectedChannel(t *testing.T) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	b := NewBoot(fd, 0)
	defer b.Close()
	if _, _, err := b.Next(); err != io.EOF {
		t.Errorf("the channel has ended with %v", err)
	}
}
