package nsenter

import (
	"errors"
	"runtime"
	"slices"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
)

// SpawnOptions says how a boot process is started.
type SpawnOptions struct {
	Argv []string // what ps(1) shows until the user's program is executed
	// Files are the descriptors of the boot process from 0 on, as numbers of rt; Program.FirstFD and Program.FDs say
	// which is which. Spawn adds the control channel after the last of them.
	Files []uintptr
	// CloneFlags are CLONE_NEW* flags for the boot process itself; CLONE_NEWUSER is not among them (doc.go says why).
	CloneFlags uintptr
	// CgroupFD is the directory of the cgroup to clone into (CLONE_INTO_CGROUP), or -1.
	CgroupFD int
	// Dir is the first directory to try for the image where a memfd can't be executed: see nomemfd.go.
	Dir string
}

// Boot is a boot process, as rt sees it.
type Boot struct {
	// Pid is the process that Spawn has started. The process that becomes the container may be another: a report says
	// which.
	Pid int
	ctl int // rt's end of the control channel; -1 once it is closed
}

// Spawn starts image. The boot process has no memory of rt, and no descriptors but those in o.Files and the control
// channel.
//
// The caller reads its reports with Next, answers them with Release, and waits for its end with Wait. Close closes the
// channel, which ends a boot process that has not executed the user's program yet. The errors are *diag.Error with the
// errno.
func Spawn(image Image, o *SpawnOptions) (*Boot, error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, diag.Sys("the control channel can't be made", "socketpair", err)
	}
	defer func() { _ = unix.Close(pair[1]) }()
	exe, err := image.write(o.Dir)
	if err != nil {
		_ = unix.Close(pair[0])
		return nil, err
	}
	files := append(slices.Clip(o.Files), uintptr(pair[1]))
	if exe, err = moveAbove(exe, files); err != nil {
		_ = unix.Close(pair[0])
		return nil, err
	}
	defer func() { _ = unix.Close(exe) }()

	attr := syscall.ProcAttr{
		Files: files,
		Env:   []string{},
		Sys:   &syscall.SysProcAttr{Cloneflags: o.CloneFlags, UseCgroupFD: o.CgroupFD >= 0, CgroupFD: o.CgroupFD},
	}
	// The thread is not locked: ForkExec waits for the exec, and the parent of the child is the process, not the
	// thread.
	pid, err := syscall.ForkExec("/proc/self/fd/"+strconv.Itoa(exe), o.Argv, &attr)
	runtime.KeepAlive(o.Files)
	if err != nil {
		_ = unix.Close(pair[0])
		return nil, diag.Sys("the boot process can't be started", "clone", err)
	}
	return &Boot{Pid: pid, ctl: pair[0]}, nil
}

// moveAbove moves exe, an executable file, to a number that syscall.ForkExec does not use for files, and closes the old
// one.
//
// The child executes the file by its number, after ForkExec has given files the numbers from 0 on. A file whose number
// goes to one before it is first copied to a number above the largest; so may be the pipe on which the child reports.
func moveAbove(exe int, files []uintptr) (int, error) {
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

// NewBoot returns the Boot of a process that another rt has started, with which fd is a connection: `rt start` serves
// the rest of a program.
func NewBoot(fd, pid int) *Boot { return &Boot{Pid: pid, ctl: fd} }

// FD returns rt's end of the control channel.
func (b *Boot) FD() int { return b.ctl }

// Wait waits for the end of the process Pid, a child of this process.
func (b *Boot) Wait() (unix.WaitStatus, error) { return b.WaitWithin(-1) }

// WaitWithin is Wait with a time limit, after which it fails with ETIMEDOUT; a negative limit is none. There is also
// none if no descriptor is left for a pidfd.
func (b *Boot) WaitWithin(limit time.Duration) (status unix.WaitStatus, err error) {
	if pidfd, err := unix.PidfdOpen(b.Pid, 0); err == nil {
		ended := AwaitBriefly(pidfd) || limit < 0 || pollWithin(pidfd, limit)
		_ = unix.Close(pidfd)
		if !ended {
			return status, unix.ETIMEDOUT
		}
	}
	for {
		// A process made with CLONE_PARENT has no exit signal: wait(2), __WALL.
		if _, err := unix.Wait4(b.Pid, &status, unix.WALL, nil); err != unix.EINTR {
			return status, err
		}
	}
}

// ReadyWithin reports whether there is a report, or the end of the channel, before limit has passed.
func (b *Boot) ReadyWithin(limit time.Duration) bool {
	return AwaitBriefly(b.ctl) || pollWithin(b.ctl, limit)
}

// pollWithin reports whether fd can be read before limit has passed.
func pollWithin(fd int, limit time.Duration) bool {
	fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	for deadline := time.Now().Add(limit); ; {
		left := max(time.Until(deadline), 0)
		n, err := unix.Poll(fds, int((left+time.Millisecond-1)/time.Millisecond))
		if err != unix.EINTR {
			return err == nil && n > 0
		}
	}
}

// ErrEnded says that a boot process has ended while it waited for an answer. Its last report may still be read.
var ErrEnded = errors.New("the boot process has ended while it waited for an answer")

// Release answers a sync point with one byte: the boot process continues. The error may be ErrEnded.
func (b *Boot) Release() error { return b.Answer([]byte{1}) }

// Answer answers a sync point at which the boot process waits for more than a byte. The error may be ErrEnded.
func (b *Boot) Answer(text []byte) error {
	_, err := unix.SendmsgN(b.ctl, text, nil, nil, unix.MSG_NOSIGNAL)
	switch err {
	case nil:
		return nil
	// Before Linux 6.2 sendmsg fails with ECONNREFUSED while the other side is being closed, and then it discards the
	// messages that wait to be read: the last report is lost.
	case unix.EPIPE, unix.ECONNRESET, unix.ECONNREFUSED:
		return ErrEnded
	}
	return diag.Sys("the boot process can't be answered", "sendmsg", err)
}

// Close closes the control channel.
func (b *Boot) Close() {
	if b.ctl >= 0 {
		_ = unix.Close(b.ctl)
		b.ctl = -1
	}
}

// ImageName is the name of the memfd of an image, as proc_pid_exe(5) shows it.
const ImageName = "rt-boot"

// write writes the image to a sealed memfd, or, where a memfd can't be executed, to a read-only file without a name,
// perhaps in dir.
func (image Image) write(dir string) (int, error) {
	const mfdExec = 0x10 // MFD_EXEC, Linux 6.3; without it vm.memfd_noexec=1 makes the file not executable
	flags := unix.MFD_CLOEXEC | unix.MFD_ALLOW_SEALING
	fd, err := unix.MemfdCreate(ImageName, flags|mfdExec)
	if err == unix.EINVAL {
		fd, err = unix.MemfdCreate(ImageName, flags)
	}
	if err == unix.EACCES && dir != "" {
		return image.writeUnnamed(dir)
	}
	if err != nil {
		return -1, diag.Sys("the boot image can't be made", "memfd_create", err)
	}
	if err := writeAll(fd, image); err != nil {
		_ = unix.Close(fd)
		return -1, diag.Sys("the boot image can't be written", "write", err)
	}
	const seals = unix.F_SEAL_SEAL | unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_WRITE
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, seals); err != nil {
		_ = unix.Close(fd)
		return -1, diag.Sys("the boot image can't be sealed", "fcntl", err)
	}
	return fd, nil
}

// writeAll writes all of p to a file, whatever part write(2) accepts at once.
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
