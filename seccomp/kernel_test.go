package seccomp

import (
	"errors"
	"runtime"
	"testing"
	"unsafe"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// load puts a filter on this thread alone, which must not be used afterwards: the goroutine ends with it locked.
func load(f *Filter) (listener int, err error) {
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return -1, err
	}
	prog := unix.SockFprog{Len: uint16(len(f.Prog)), Filter: &f.Prog[0]}
	fd, _, errno := unix.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, uintptr(f.Flags),
		uintptr(unsafe.Pointer(&prog)))
	if errno != 0 {
		return -1, errno
	}
	return int(fd), nil
}

// onThread runs f on a thread that dies with it.
func onThread(f func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked
		done <- f()
	}()
	return <-done
}

// TestKernelObeys loads a filter for real, and compares what calls return with what decide says they do. All calls are
// harmless if they pass: a nonsense argument is another errno.
func TestKernelObeys(t *testing.T) {
	if archByGOARCH(runtime.GOARCH) == nil {
		t.Skip("no seccomp table for " + runtime.GOARCH)
	}
	errno := func(n uint) *uint { return &n }
	p := &specs.LinuxSeccomp{DefaultAction: specs.ActAllow}
	for i, op := range operators {
		p.Syscalls = append(p.Syscalls, specs.LinuxSyscall{
			Names: []string{"lsetxattr"}, Action: specs.ActErrno, ErrnoRet: errno(uint(200 + i)),
			Args: []specs.LinuxSeccompArg{
				{Index: 5, Value: uint64(i), Op: specs.OpEqualTo},
				{Index: 4, Value: 1<<32 + 7, ValueTwo: 1<<32 + 5, Op: op},
			},
		})
	}
	f, err := searched(p, runtime.GOARCH)
	if err != nil {
		t.Fatal(err)
	}
	nr, _ := f.archs[0].number(lookup("lsetxattr"))
	checks, meaning := 0, readProfile(p, f.archs)
	err = onThread(func() error {
		if _, err := load(f); err != nil {
			return err
		}
		for i := range operators {
			for _, v := range []uint64{
				0, 5, 7, 1 << 32, 1<<32 + 5, 1<<32 + 6, 1<<32 + 7, 1<<32 + 8, 2 << 32,
				1<<63 + 5,
			} {
				_, _, got := unix.RawSyscall6(unix.SYS_LSETXATTR, 0, 0, 0, 0, uintptr(v), uintptr(i))
				call := Call{Audit: f.archs[0].audit, Number: nr, Args: [6]uint64{4: v, 5: uint64(i)}}
				want := meaning.decide(&call).Return
				if denied := got >= 200 && got < 220; denied != (want != retAllow) ||
					denied && uint32(got) != want&0xffff {
					t.Errorf("%s %#x: the kernel says %d, the profile %s", operators[i], v, got, ActionText(want))
				}
				checks++
			}
		}
		return nil
	})
	if err != nil || checks != 70 {
		t.Fatalf("%d checks, %v", checks, err)
	}
}

// TestKernelTakesRealProfiles has the kernel's own checker look at each program.
func TestKernelTakesRealProfiles(t *testing.T) {
	for name, p := range profiles(t) {
		f, _, err := Compile(p, runtime.GOARCH)
		if err != nil {
			t.Fatal(err)
		}
		if err := onThread(func() error { _, err := load(f); return err }); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// seccompNotif and seccompResp are struct seccomp_notif and seccomp_notif_resp of linux/seccomp.h.
type seccompNotif struct {
	id         uint64
	pid, flags uint32
	nr         int32
	arch       uint32
	ip         uint64
	args       [6]uint64
}

type seccompResp struct {
	id    uint64
	val   int64
	errno int32
	flags uint32
}

// TestAgentAnswers loads a filter with a listener and answers its one notified call.
func TestAgentAnswers(t *testing.T) {
	p := &specs.LinuxSeccomp{DefaultAction: specs.ActAllow, Syscalls: []specs.LinuxSyscall{
		{
			Names: []string{"mkdirat"}, Action: specs.ActNotify,
			Args: []specs.LinuxSeccompArg{{Index: 2, Value: 0o7654, Op: specs.OpEqualTo}},
		},
	}}
	f, _, err := Compile(p, runtime.GOARCH)
	if err != nil || !f.Notify {
		t.Fatal(f, err)
	}
	listener := make(chan int, 1)
	result := make(chan unix.Errno, 1)
	go func() {
		runtime.LockOSThread() // never unlocked
		fd, err := load(f)
		if err != nil {
			fd = -1
		}
		listener <- fd
		_, _, errno := unix.Syscall(unix.SYS_MKDIRAT, ^uintptr(0), 0, 0o7654)
		result <- errno
	}()
	fd := <-listener
	if fd < 0 {
		t.Fatal("no listener")
	}
	defer unix.Close(fd)
	var n seccompNotif
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SECCOMP_IOCTL_NOTIF_RECV,
		uintptr(unsafe.Pointer(&n))); errno != 0 {
		t.Fatal(errno)
	}
	if arch, name := CallName(n.arch, uint32(n.nr)); name != "mkdirat" || arch != f.archs[0].name ||
		n.args[2] != 0o7654 {
		t.Errorf("notified of %s %s %x", arch, name, n.args)
	}
	resp := seccompResp{id: n.id, errno: -int32(unix.EXDEV)}
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SECCOMP_IOCTL_NOTIF_SEND,
		uintptr(unsafe.Pointer(&resp))); errno != 0 {
		t.Fatal(errno)
	}
	if got := <-result; !errors.Is(got, unix.EXDEV) {
		t.Errorf("the call returned %v, the agent said EXDEV", got)
	}
}
