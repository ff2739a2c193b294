package rootfs

import (
	"errors"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/internal/sys"
	"rt/libcontainer/copyup"
	"rt/libcontainer/supervise"
	"rt/nsenter"
)

// A mount of the container may have a server that never answers. There a helper, another process of this program,
// creates mount points and copies files: rt can abandon a process, but not its own threads. In a program that uses the
// library and does not call RunHelper a thread does this work, and remains if it gets no answer.

// helperName is the first word of the command line of a helper.
const helperName = "rt-rootfs"

// hasHelper says that this program calls RunHelper, so that another process of it can be a helper.
var hasHelper bool

// The descriptors of a helper besides the standard streams.
const (
	helperSocket = 3 + iota
	helperFrom   // a directory of the container
	helperTo     // the tmpfs to fill, or the same directory
)

// RunHelper performs the task of a helper if this process is one, and reports whether it was; then the process must
// end. It also records that this program has helpers.
func RunHelper(args []string) bool {
	hasHelper = true
	if len(args) == 0 || args[0] != helperName {
		return false
	}
	t, ok := parseTask(args[1:])
	if !ok || !startedByRt() {
		_, _ = os.Stderr.WriteString(helperName + ": this is a helper that only rt itself starts\n")
		os.Exit(1)
	}
	t.from, t.to = helperFrom, helperTo
	text, err := t.run(func() {
		if unix.Send(helperSocket, []byte{progress}, unix.MSG_NOSIGNAL) != nil {
			os.Exit(1) // rt has ended
		}
	})
	_ = unix.Send(helperSocket, formatResult(text, err), unix.MSG_NOSIGNAL)
	return true
}

// startedByRt reports whether the parent of this process has created the socket, as the same user (SO_PEERCRED in
// unix(7)). Another program that executes rt with the name of a helper, and with descriptors and arguments of its
// choice, can't use the privileges of a set-user-ID copy of rt.
func startedByRt() bool {
	maker, err := unix.GetsockoptUcred(helperSocket, unix.SOL_SOCKET, unix.SO_PEERCRED)
	return err == nil && int(maker.Pid) == os.Getppid() && int(maker.Uid) == os.Geteuid()
}

// task is the work of a helper: the name of one of the tasks below, and its operands.
type task struct {
	name     string
	path     string // below from
	uid, gid uint32 // the owner of new files
	keepMode bool   // as in copyup.Options
	from, to int    // descriptors
}

// The tasks.
const (
	makeDirectory = "directory"
	makeFile      = "file"
	readLink      = "link"
	fill          = "fill"
)

// words returns the arguments of a helper that performs the task.
func (t *task) words() []string {
	return []string{
		helperName, t.name, t.path, strconv.FormatUint(uint64(t.uid), 10), strconv.FormatUint(uint64(t.gid), 10),
		strconv.FormatBool(t.keepMode),
	}
}

// parseTask parses the text of words, without the name of the helper.
func parseTask(words []string) (t task, ok bool) {
	const count = 5
	if len(words) != count {
		return t, false
	}
	uid, err := strconv.ParseUint(words[2], 10, 32)
	gid, gidErr := strconv.ParseUint(words[3], 10, 32)
	t = task{name: words[0], path: words[1], uid: uint32(uid), gid: uint32(gid), keepMode: words[4] == "true"}
	return t, err == nil && gidErr == nil
}

// run performs a task. step is called after each part.
func (t *task) run(step func()) (text string, err error) {
	switch t.name {
	case makeDirectory, makeFile:
		return "", copyup.RunAsOwner(t.uid, t.gid, func() error {
			return sys.MakeInRoot(t.from, t.path, t.name == makeDirectory, 0)
		})
	case readLink:
		var buffer [unix.PathMax]byte
		n, err := unix.Readlinkat(t.from, t.path, buffer[:])
		return string(buffer[:max(n, 0)]), err
	case fill:
		return "", copyup.Copy(t.from, t.to, copyup.Options{KeepMode: t.keepMode, Progress: step})
	}
	return "", unix.EINVAL
}

// The first bytes of the messages of a helper: any number of progress messages, and then one result.
const (
	progress   = '.'
	result     = '='
	resultSize = unix.PathMax + 2*unix.PathMax
)

// formatResult returns the message of a result: the kind and errno of an error, its call, its problem, and the text of
// a link. They are separated by null bytes and not encoded as JSON, because a link need not be valid UTF-8.
func formatResult(text string, err error) []byte {
	e := &diag.Error{}
	if err != nil {
		var ok bool
		if e, ok = errors.AsType[*diag.Error](err); !ok {
			e = &diag.Error{}
			_ = errors.As(err, &e.Errno)
		}
	}
	words := []string{
		strconv.FormatBool(err == nil), strconv.Itoa(int(e.Kind)), strconv.Itoa(int(e.Errno)), e.Call, e.Problem, text,
	}
	return append([]byte{result}, strings.Join(words, "\x00")...)
}

// parseResult parses a result. The helper has read files of the container, so its message is untrusted.
func parseResult(message []byte) (text string, err error) {
	const count = 6
	f := strings.SplitN(string(message[1:]), "\x00", count)
	if len(f) != count {
		return "", unix.EPROTO
	}
	kind, kindErr := strconv.ParseUint(f[1], 10, 8)
	errno, errnoErr := strconv.ParseUint(f[2], 10, 12) // the kernel's are below 4096
	switch {
	case f[0] == "true":
		return f[5], nil
	case f[0] != "false", kindErr != nil, errnoErr != nil, diag.Kind(kind) > diag.Absent, f[4] == "" && errno == 0:
		return "", unix.EPROTO
	case f[4] == "":
		return "", unix.Errno(errno)
	}
	return "", &diag.Error{Kind: diag.Kind(kind), Errno: unix.Errno(errno), Call: f[3], Problem: f[4]}
}

// delegate lets a helper perform a task, and waits for its result. It gives up if the helper makes no progress for
// supervise.SilenceLimit, or if interrupted returns an error.
func (t *task) delegate(interrupted func() error) (text string, err error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return "", err
	}
	defer func() { _ = unix.Close(pair[0]) }()
	stop, err := t.start(pair[1])
	if err != nil {
		return "", err
	}
	defer stop()
	return awaitResult(pair[0], interrupted)
}

// awaitResult waits for the result of the helper at the other end of socket.
func awaitResult(socket int, interrupted func() error) (text string, err error) {
	helper := nsenter.NewBoot(socket, 0)
	message := make([]byte, resultSize)
	for begin := time.Now(); ; {
		const interval = 100 * time.Millisecond
		if helper.ReadyWithin(interval) {
			n, err := unix.Read(socket, message)
			switch {
			case err == unix.EINTR:
			case err != nil:
				return "", err
			case n == 0:
				return "", unix.ECHILD // it has ended without a result
			case message[0] == result:
				return parseResult(message[:n])
			case n != 1 || message[0] != progress:
				return "", unix.EPROTO
			default:
				begin = time.Now()
			}
		}
		if interrupted != nil {
			if err := interrupted(); err != nil {
				return "", err
			}
		}
		if time.Since(begin) > supervise.SilenceLimit {
			return "", unix.ETIMEDOUT
		}
	}
}

// start starts a helper that answers on socket, and closes socket. stop kills the helper, or abandons it.
func (t *task) start(socket int) (stop func(), err error) {
	defer func() {
		if stop == nil || hasHelper {
			_ = unix.Close(socket)
		}
	}()
	to := t.to
	if to < 0 {
		to = t.from
	}
	if !hasHelper {
		return t.startThread(socket, to)
	}
	null, err := unix.Open("/dev/null", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	defer func() { _ = unix.Close(null) }()
	in := uintptr(null)
	pid, err := syscall.ForkExec("/proc/self/exe", t.words(), &syscall.ProcAttr{
		Files: []uintptr{in, in, in, helperSocket: uintptr(socket), helperFrom: uintptr(t.from), helperTo: uintptr(to)},
		Env:   []string{},
	})
	if err != nil {
		return nil, err
	}
	return func() {
		const limit = 2 * time.Second // SIGKILL does not end a process that waits for FUSE
		_ = unix.Kill(pid, unix.SIGKILL)
		_, _ = (&nsenter.Boot{Pid: pid}).WaitWithin(limit)
	}, nil
}

// startThread performs the task in a goroutine of this process, with duplicates of the descriptors.
func (t *task) startThread(socket, to int) (stop func(), err error) {
	own := *t
	fds := [...]*int{&own.from, &own.to}
	for i, fd := range [...]int{t.from, to} {
		if *fds[i], err = unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0); err != nil {
			return nil, err
		}
	}
	go func() {
		defer sys.CloseAll(socket, own.from, own.to)
		text, err := own.run(func() { _ = unix.Send(socket, []byte{progress}, unix.MSG_NOSIGNAL) })
		_ = unix.Send(socket, formatResult(text, err), unix.MSG_NOSIGNAL)
	}()
	return func() {}, nil
}
