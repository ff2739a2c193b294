package nsenter

import (
	"io"
	"runtime"
	"slices"
	"strconv"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"rt/libcontainer/diag"
)

// SpawnOptions says how a boot process is started.
type SpawnOptions struct {
	Argv []string // what ps(1) shows until the user's program is executed
	// Files are the descriptors of the boot process from 0 on, as numbers of rt; Program.FirstFD and Program.FDs say which is which.
	// The last of them becomes the control channel and is filled in by Spawn.
	Files []uintptr
	// CloneFlags are CLONE_NEW* flags for the boot process itself; CLONE_NEWUSER is not among them (doc.go says why).
	CloneFlags uintptr
	// CgroupFD is the directory of the cgroup to be born in (CLONE_INTO_CGROUP), or -1.
	CgroupFD int
	// Dir is the first directory to try for the image where a memfd can't be executed: see nomemfd.go.
	Dir string
}

// Boot is a boot process, as rt sees it.
type Boot struct {
	Pid int // of the process that was started; the process that becomes the container may be another (a report says which)
	ctl int
}

// Record is one report of a boot process.
type Record struct {
	Kind  Kind
	Step  int   // index in Program.Steps
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

// Spawn starts image. The boot process has no memory and no descriptor of rt's but those in o.Files.
//
// The caller serves its records with Next and Release, and waits for it with wait4(2); Close hangs up, which ends a boot process that
// has not executed the user's program yet.
func Spawn(image Image, o *SpawnOptions) (*Boot, error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, diag.Sys("make the control channel", "socketpair", err)
	}
	defer func() { _ = unix.Close(pair[1]) }()
	exe, err := image.file(o.Dir)
	if err != nil {
		_ = unix.Close(pair[0])
		return nil, err
	}
	files := append(slices.Clip(o.Files), uintptr(pair[1]))
	if exe, err = outOfTheWay(exe, files); err != nil {
		_ = unix.Close(pair[0])
		return nil, err
	}
	defer func() { _ = unix.Close(exe) }()

	attr := syscall.ProcAttr{
		Files: files,
		Env:   []string{},
		Sys:   &syscall.SysProcAttr{Cloneflags: o.CloneFlags, UseCgroupFD: o.CgroupFD >= 0, CgroupFD: o.CgroupFD},
	}
	// The thread that forks must not end before the child has executed, and the kernel parent of the child is the whole process, so
	// locking the thread is needed by no one: ForkExec waits for the exec.
	pid, err := syscall.ForkExec("/proc/self/fd/"+strconv.Itoa(exe), o.Argv, &attr)
	runtime.KeepAlive(o.Files)
	if err != nil {
		_ = unix.Close(pair[0])
		return nil, diag.Sys("start the boot process", "clone", err)
	}
	return &Boot{Pid: pid, ctl: pair[0]}, nil
}

// outOfTheWay moves exe, an executable file, to a number that syscall.ForkExec leaves alone, and closes the old one.
//
// The child executes the file by its number, after ForkExec has given files the numbers from 0 on. Those whose number one before them gets are
// first copied to numbers above the largest, and so may be the pipe on which ForkExec's child reports.
func outOfTheWay(exe int, files []uintptr) (int, error) {
	const pipe = 1
	least := max(len(files), int(slices.Max(files))+1) + pipe
	for i, fd := range files {
		if int(fd) < i {
			least++
		}
	}
	if exe >= least {
		return exe, nil
	}
	moved, err := unix.FcntlInt(uintptr(exe), unix.F_DUPFD_CLOEXEC, least)
	_ = unix.Close(exe)
	if err != nil {
		e := diag.Sys("no descriptor is left for the boot image", "fcntl", err)
		e.Hint = "raise the limit of open files (ulimit -n) of whoever starts rt"
		return -1, e
	}
	return moved, nil
}

// Attach makes a Boot of a connection to a boot process that another rt has started: `rt start` serves the rest of a program.
func Attach(fd, pid int) *Boot { return &Boot{Pid: pid, ctl: fd} }

// FD returns rt's end of the control channel.
func (b *Boot) FD() int { return b.ctl }

// Next returns the next report. io.EOF says that the boot process has closed the channel: it executed the user's program, or it is dead.
// A descriptor that comes along is returned as fd, and is -1 otherwise.
func (b *Boot) Next() (r Record, fd int, err error) {
	var record [48]byte
	var control [64]byte
	AwaitBriefly(b.ctl)
	n, cn, err := recvmsg(b.ctl, record[:], control[:])
	if err == unix.ECONNRESET {
		// Linux says so once if the other side died with unread bytes, before what it has sent: its last report may be still to come.
		n, cn, err = recvmsg(b.ctl, record[:], control[:])
	}
	switch {
	case err != nil:
		return r, -1, diag.Sys("read from the boot process", "recvmsg", err)
	case n == 0:
		return r, -1, io.EOF
	}
	fd = passed(control[:cn])
	r.Kind = Kind(*(*uint32)(unsafe.Pointer(&record[0])))
	r.Step = int(*(*uint32)(unsafe.Pointer(&record[4])))
	if n >= 16 {
		r.Value = *(*int64)(unsafe.Pointer(&record[8]))
	}
	if n == len(record) {
		times := (*[2]unix.Timespec)(unsafe.Pointer(&record[16]))
		r.Start, r.End = times[0].Nano(), times[1].Nano()
	}
	return r, fd, nil
}

// AwaitBriefly waits until fd can be read, or some milliseconds have passed, in a system call that the Go scheduler does not know of. It
// would otherwise hand the processor on to another thread, which it may have to make first, and ask for it back: more work than the boot process needs
// for what is waited for. Whoever waits longer should let the scheduler know, and calls something else after this.
func AwaitBriefly(fd int) {
	const milliseconds = 8 // below the 10 after which the scheduler interrupts whoever does not answer
	fds := [1]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	timeout := unix.Timespec{Nsec: milliseconds * 1e6}
	_, _, _ = unix.RawSyscall6(unix.SYS_PPOLL, uintptr(unsafe.Pointer(&fds[0])), 1, uintptr(unsafe.Pointer(&timeout)), 0, 0, 0)
}

// Release answers a sync point: the boot process goes on.
func (b *Boot) Release() error {
	_, err := unix.SendmsgN(b.ctl, []byte{1}, nil, nil, unix.MSG_NOSIGNAL)
	if err == unix.EPIPE || err == unix.ECONNRESET {
		return nil // it is dead: Next says so, and the wait status why
	}
	if err != nil {
		return diag.Sys("answer the boot process", "sendmsg", err)
	}
	return nil
}

// Close hangs up.
func (b *Boot) Close() {
	if b.ctl >= 0 {
		_ = unix.Close(b.ctl)
		b.ctl = -1
	}
}

// recvmsg is recvmsg(2) that is not ended by a signal.
func recvmsg(fd int, p, control []byte) (n, cn int, err error) {
	for {
		n, cn, _, _, err = unix.Recvmsg(fd, p, control, unix.MSG_CMSG_CLOEXEC)
		if err != unix.EINTR {
			return n, cn, err
		}
	}
}

// passed returns the descriptor in a control message, or -1.
func passed(control []byte) int {
	if len(control) < unix.SizeofCmsghdr {
		return -1
	}
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil || len(messages) == 0 {
		return -1
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil || len(fds) == 0 {
		return -1
	}
	return fds[0]
}

// file writes the image to a sealed memfd, or, where a memfd can't be executed, to a read-only file without a name, perhaps in dir.
func (image Image) file(dir string) (int, error) {
	const mfdExec = 0x10 // MFD_EXEC, Linux 6.3; without it vm.memfd_noexec=1 takes the right to execute away
	flags := unix.MFD_CLOEXEC | unix.MFD_ALLOW_SEALING
	fd, err := unix.MemfdCreate("rt-boot", flags|mfdExec)
	if err == unix.EINVAL {
		fd, err = unix.MemfdCreate("rt-boot", flags)
	}
	if err == unix.EACCES && dir != "" {
		return image.nameless(dir)
	}
	if err != nil {
		return -1, diag.Sys("make the boot image", "memfd_create", err)
	}
	if err := writeAll(fd, image); err != nil {
		_ = unix.Close(fd)
		return -1, diag.Sys("write the boot image", "write", err)
	}
	const seals = unix.F_SEAL_SEAL | unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_WRITE
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, seals); err != nil {
		_ = unix.Close(fd)
		return -1, diag.Sys("seal the boot image", "fcntl", err)
	}
	return fd, nil
}

func writeAll(fd int, p []byte) error {
	for len(p) > 0 {
		n, err := unix.Write(fd, p)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return err
		}
		p = p[n:]
	}
	return nil
}
