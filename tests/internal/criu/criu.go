// Package criu is a stand-in for CRIU: a test binary that is started under the name "criu". It reads what rt requests,
// opens every image as CRIU would, and "restores" a process that has what the images say. So what rt reads, passes and
// compares by itself is tested where no CRIU works.
package criu

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"unsafe"

	"github.com/checkpoint-restore/go-criu/v8/rpc"
	"golang.org/x/sys/unix"
)

// The names under which a test binary is the stand-in, and the process that it restores.
const name, child = "criu", "criu-child"

// Image is what the images of the stand-in say: it is inventory.img, as JSON.
type Image struct {
	Bounding   []int    // the capabilities that the process keeps
	NoNewPrivs bool     // of the process
	Host       []string // namespaces of the host's that it stays in: "net", "uts"
	Net        string   // a network namespace that it joins
	Mounts     []string // directories of the host's that are mounted at /mnt in its namespace
	Thread     bool     // a second thread keeps all rights
	Second     bool     // a second process, of the first one's making, keeps all rights
	Log        string   // what CRIU logs, before it gives up
	Program    []string // what the process executes when it continues; nil: it makes the file /resumed
	Facts      string   // a file to which CRIU appends what it is asked for, and what it was started with
	Hangs      bool     // CRIU never comes to an end with them
}

// The first thread of the restored process is the one that gives up its rights.
func init() {
	if os.Args[0] == child {
		runtime.LockOSThread()
	}
}

// Run is the program of a binary that was started under the name of the stand-in; it returns false for any other.
func Run() bool {
	switch os.Args[0] {
	case name:
		if err := serveRT(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return true
	case child:
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
	var i Image
	if err := json.Unmarshal(text, &i); err != nil {
		return nil, err
	}
	if i.Log != "" {
		log := inherited(o.GetWorkDirFd()) + "/" + o.GetLogFile()
		return nil, errors.Join(os.WriteFile(log, []byte(i.Log), 0o600), errors.New("damaged"))
	}
	if err := tell(o, i.Facts); err != nil {
		return nil, err
	}
	for i.Hangs {
		_ = unix.Pause()
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
	pid, err := syscall.ForkExec("/proc/self/exe", []string{child, o.GetRoot(), string(text)}, &syscall.ProcAttr{
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

// tell writes what rt requests, and what rt has prepared for CRIU: descriptors, mounts, a cgroup. The numbers of
// descriptors are replaced by what they are.
func tell(o *rpc.CriuOpts, file string) error {
	if file == "" {
		return nil
	}
	var facts []string
	add := func(format string, args ...any) { facts = append(facts, fmt.Sprintf("criu: "+format, args...)) }
	is := func(fd int32) string {
		target, _ := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", fd))
		kind, _, _ := strings.Cut(target, ":[")
		return kind
	}
	theirs := func(fd int32) string {
		target, _ := os.Readlink(inherited(fd))
		return target
	}
	for _, e := range o.External {
		add("external %s", e)
	}
	for _, f := range o.InheritFd {
		add("inherit %s as %d, %s", f.GetKey(), f.GetFd(), is(f.GetFd()))
	}
	for _, r := range o.CgRoot {
		add("cgroup root %s %s", r.GetCtrl(), r.GetPath())
	}
	for _, j := range o.JoinNs {
		add("join %s %s", j.GetNs(), j.GetNsFile())
	}
	add("images %s, work %s", theirs(o.GetImagesDirFd()), theirs(o.GetWorkDirFd()))
	rest := o.CloneVT()
	rest.External, rest.InheritFd, rest.CgRoot, rest.JoinNs = nil, nil, nil, nil
	rest.ImagesDirFd, rest.WorkDirFd = nil, nil
	text, err := json.Marshal(rest)
	if err != nil {
		return err
	}
	add("options %s", text)
	for fd := range int32(64) {
		// Go's runtime has some of its own.
		if target := is(fd); target != "" && !strings.HasPrefix(target, "anon_inode") &&
			!strings.HasPrefix(target, "/sys/fs/cgroup/") {
			add("open %d %s", fd, target)
		}
	}
	own, _ := os.ReadFile("/proc/self/cgroup")
	for line := range strings.Lines(string(own)) {
		_, group, _ := strings.Cut(strings.TrimSpace(line), ":")
		add("cgroup %s", group)
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(mounts)) {
		f := strings.Fields(line)
		if f[4] == o.GetRoot() || f[4] == "/" {
			add("mount %s %s %s", f[4], f[5], strings.TrimRight(f[6], ":0123456789"))
		}
	}
	err = filepath.WalkDir(o.GetRoot(), func(path string, d os.DirEntry, err error) error {
		if err == nil {
			add("file %s %v", path, d.Type())
		}
		return err
	})
	if err != nil {
		return err
	}
	return os.WriteFile(file, []byte(strings.Join(facts, "\n")+"\n"), 0o600)
}

// beRestored is the restored process: it enters the root file system, gives up what the images say, stands still, and
// makes the file /resumed when it continues.
func beRestored() error {
	const ready, release = 3, 4
	root := os.Args[1]
	var i Image
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
	var err error
	if i.Net != "" {
		err = joinNetwork(i.Net)
	}
	if err == nil && i.Program != nil {
		err = unix.Mount("proc", root+"/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "")
	}
	if err == nil {
		err = unix.Chdir(root)
	}
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
		const script = `echo >&3; read x <&4 || exit; exec 3>&- 4<&-; "$@"`
		program := i.Program
		if program == nil {
			program = []string{"sh", "-c", "ls -a /mnt >/resumed"}
		}
		return unix.Exec("/bin/sh", slices.Concat([]string{"sh", "-c", script, "sh"}, program), []string{"PATH=/bin"})
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

// joinNetwork joins a network namespace, by its path.
func joinNetwork(path string) error {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return unix.Setns(fd, unix.CLONE_NEWNET)
}

// giveUp gives up the rights of the calling thread that the images do not give it.
func giveUp(i *Image) error {
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
	low, high := uint32(kept), uint32(kept>>32)
	data := [2]unix.CapUserData{{Effective: low, Permitted: low}, {Effective: high, Permitted: high}}
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
