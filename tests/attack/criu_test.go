package attack

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"syscall"
	"unsafe"

	"github.com/checkpoint-restore/go-criu/v8/rpc"
	"golang.org/x/sys/unix"
)

// A stand-in for CRIU: this test binary under the name "criu". It reads what rt requests, opens every image as CRIU
// would, and "restores" a process that has what the attacker has written into the images. So what rt reads, passes and
// compares by itself is attacked where no CRIU works.

// criuName is the name under which the test binary is a stand-in, and criuChild the one of the process it restores.
const criuName, criuChild = "criu", "criu-child"

// image is what the images of the stand-in say: it is inventory.img, as JSON.
type image struct {
	Bounding   []int    // the capabilities that the process keeps
	NoNewPrivs bool     // of the process
	Host       []string // namespaces of the host's that it stays in: "net", "uts"
	Mounts     []string // directories of the host's that are mounted at /mnt in its namespace
	Thread     bool     // a second thread keeps all rights
	Second     bool     // a second process, of the first one's making, keeps all rights
	Log        string   // what CRIU logs, before it gives up
}

// The first thread of the restored process is the one that gives up its rights.
func init() {
	if os.Args[0] == criuChild {
		runtime.LockOSThread()
	}
}

// standIn is the program of a binary that was started under the name of the stand-in; false for any other.
func standIn() bool {
	switch os.Args[0] {
	case criuName:
		if err := serveRT(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return true
	case criuChild:
		if err := beRestored(); err != nil {
			fmt.Fprintln(os.Stderr, "criu-child:", err)
			os.Exit(1)
		}
		return true
	}
	return false
}

// socketOfRT is where `criu swrk 3` reads requests.
const socketOfRT = 3

func serveRT() error {
	request := make([]byte, 64<<10)
	n, err := unix.Read(socketOfRT, request)
	if err != nil {
		return err
	}
	var req rpc.CriuReq
	if err := req.UnmarshalVT(request[:n]); err != nil {
		return err
	}
	response := &rpc.CriuResp{Type: req.Type, Success: new(true)}
	switch req.GetType() {
	case rpc.CriuReqType_VERSION:
		response.Version = &rpc.CriuVersion{MajorNumber: new(int32(4)), MinorNumber: new(int32(1))}
	case rpc.CriuReqType_DUMP:
		err = dump(req.Opts)
	case rpc.CriuReqType_RESTORE:
		response.Restore, err = restore(req.Opts)
	}
	if err != nil {
		response.Success = new(false)
		fmt.Fprintln(os.Stderr, "criu:", err)
	}
	return answer(response)
}

func answer(r *rpc.CriuResp) error {
	text, err := r.MarshalVT()
	if err != nil {
		return err
	}
	return unix.Send(socketOfRT, text, 0)
}

// notify tells rt something and returns an error if rt does not agree.
func notify(script string, pid int) error {
	err := answer(&rpc.CriuResp{
		Type: new(rpc.CriuReqType_NOTIFY), Success: new(true),
		Notify: &rpc.CriuNotify{Script: &script, Pid: new(int32(pid))},
	})
	if err != nil {
		return err
	}
	text := make([]byte, 4096)
	n, err := unix.Read(socketOfRT, text)
	if err != nil {
		return err
	}
	var req rpc.CriuReq
	if err := req.UnmarshalVT(text[:n]); err != nil {
		return err
	}
	if !req.GetNotifySuccess() {
		return errors.New("rt refuses " + script)
	}
	return nil
}

// inherited is the path of a directory that rt has open.
func inherited(fd int32) string { return fmt.Sprintf("/proc/%d/fd/%d", unix.Getppid(), fd) }

// dump writes an image and a log, through whatever is there.
func dump(o *rpc.CriuOpts) error {
	for _, path := range []string{
		inherited(o.GetImagesDirFd()) + "/inventory.img", inherited(o.GetWorkDirFd()) + "/" + o.GetLogFile(),
	} {
		if err := os.WriteFile(path, []byte("{}\n"), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// restore opens all images, and restores the process.
func restore(o *rpc.CriuOpts) (*rpc.CriuRestoreResp, error) {
	dir := inherited(o.GetImagesDirFd())
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		fd, err := unix.Open(dir+"/"+e.Name(), unix.O_RDONLY|unix.O_CLOEXEC, 0) // it may wait, as CRIU's would
		if err != nil {
			return nil, err
		}
		_ = unix.Close(fd)
	}
	text, err := os.ReadFile(dir + "/inventory.img")
	if err != nil {
		return nil, err
	}
	var i image
	if err := json.Unmarshal(text, &i); err != nil {
		return nil, err
	}
	if i.Log != "" {
		log := inherited(o.GetWorkDirFd()) + "/" + o.GetLogFile()
		return nil, errors.Join(os.WriteFile(log, []byte(i.Log), 0o600), errors.New("damaged"))
	}
	var ready, release [2]int
	if err := errors.Join(unix.Pipe2(ready[:], unix.O_CLOEXEC), unix.Pipe2(release[:], unix.O_CLOEXEC)); err != nil {
		return nil, err
	}
	flags := uintptr(unix.CLONE_PARENT | unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS |
		unix.CLONE_NEWNET)
	for _, name := range i.Host {
		flags &^= map[string]uintptr{"net": unix.CLONE_NEWNET, "uts": unix.CLONE_NEWUTS}[name]
	}
	pid, err := syscall.ForkExec("/proc/self/exe", []string{criuChild, o.GetRoot(), string(text)}, &syscall.ProcAttr{
		Files: []uintptr{0, 1, 2, uintptr(ready[1]), uintptr(release[0])},
		Sys:   &syscall.SysProcAttr{Cloneflags: flags},
	})
	if err != nil {
		return nil, err
	}
	_ = unix.Close(ready[1])
	if n, err := unix.Read(ready[0], make([]byte, 1)); n != 1 {
		return nil, fmt.Errorf("the process did not come up: %w", err)
	}
	for _, script := range []string{"setup-namespaces", "post-restore", "pre-resume"} {
		if err := notify(script, pid); err != nil {
			_ = unix.Kill(pid, unix.SIGKILL)
			return nil, err
		}
	}
	_, err = unix.Write(release[1], []byte{'\n'})
	return &rpc.CriuRestoreResp{Pid: new(int32(pid))}, err
}

// beRestored is the restored process: it enters the root file system, gives up what the images say, stands still, and
// makes the file /resumed when it continues.
func beRestored() error {
	const ready, release = 3, 4
	root := os.Args[1]
	var i image
	if err := json.Unmarshal([]byte(os.Args[2]), &i); err != nil {
		return err
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return err
	}
	if err := os.MkdirAll(root+"/mnt", 0o755); err != nil {
		return err
	}
	for _, dir := range i.Mounts {
		if err := unix.Mount(dir, root+"/mnt", "", unix.MS_BIND, ""); err != nil {
			return err
		}
	}
	err := unix.Chdir(root)
	if err == nil {
		err = unix.PivotRoot(".", ".")
	}
	if err == nil {
		err = unix.Unmount(".", unix.MNT_DETACH)
	}
	if err != nil {
		return err
	}
	if i.Second {
		_, err := syscall.ForkExec("/bin/sleep", []string{"sleep", "60"}, &syscall.ProcAttr{
			Files: []uintptr{0, 1, 2},
		})
		if err != nil {
			return err
		}
	}
	said := make(chan error)
	resumed := make(chan bool)
	if i.Thread {
		go func() {
			runtime.LockOSThread() // another thread than the first, which gives up its rights
			resumed <- true
			<-resumed
			said <- sayRights()
		}()
		<-resumed
	}
	if err := giveUp(&i); err != nil {
		return err
	}
	if !i.Thread { // a shell has one thread
		return unix.Exec("/bin/sh", []string{"sh", "-c", "echo >&3; read x <&4 && ls -a /mnt >/resumed"}, nil)
	}
	if _, err := unix.Write(ready, []byte{0}); err != nil {
		return err
	}
	if n, _ := unix.Read(release, make([]byte, 1)); n != 1 {
		return errors.New("criu has ended")
	}
	resumed <- true
	return <-said
}

// giveUp gives up the rights of the calling thread that the images do not give it.
func giveUp(i *image) error {
	var kept uint64
	for _, c := range i.Bounding {
		kept |= 1 << c
	}
	for c := range 64 {
		if kept&(1<<c) == 0 && unix.Prctl(unix.PR_CAPBSET_DROP, uintptr(c), 0, 0, 0) == unix.EPERM {
			return unix.EPERM
		}
	}
	if i.NoNewPrivs {
		if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
			return err
		}
	}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	data := [2]unix.CapUserData{
		{Effective: uint32(kept), Permitted: uint32(kept)},
		{Effective: uint32(kept >> 32), Permitted: uint32(kept >> 32)},
	}
	_, _, errno := unix.RawSyscall(unix.SYS_CAPSET, uintptr(unsafe.Pointer(&header)),
		uintptr(unsafe.Pointer(&data[0])), 0)
	if errno != 0 {
		return errno
	}
	return nil
}

// sayRights writes into /resumed which capabilities the calling thread continues with.
func sayRights() error {
	var data [2]unix.CapUserData
	if err := unix.Capget(&unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}, &data[0]); err != nil {
		return err
	}
	return os.WriteFile("/resumed", []byte(strconv.FormatUint(uint64(data[0].Effective), 16)), 0o644)
}
