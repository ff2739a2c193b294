package rootfs

import (
	"errors"
	"io"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/internal/sys"
	"rt/libcontainer/foreground"
	"rt/libcontainer/plan"
	"rt/libcontainer/supervise"
	"rt/nsenter"
)

// A container can mount a file system that it serves itself over its files, such as FUSE in a user namespace with
// CAP_SYS_ADMIN, and never answer a call. rt itself makes such calls only in the file system of root.path, which is one
// of the host. In all others a process makes them that rt can abandon.

// readTime is how long rt waits for a file of a container. Only tests change it.
var readTime = 5 * time.Second

// readUntrusted returns a copy of at most limit bytes of a regular file of a container, or nil if there is none. file
// is an O_PATH descriptor of it; -1 to look for path, which is relative, from root, the container's root directory. dir
// is the state directory of the container.
func readUntrusted(file, root int, path string, limit int, dir string) (*os.File, error) {
	to, err := unix.MemfdCreate("rt-copy", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, diag.Sys("a file of the container can't be copied", "memfd_create", err)
	}
	text := os.NewFile(uintptr(to), "copy of "+path)
	open := file >= 0
	if open && !isRegular(file) {
		_ = text.Close()
		return nil, nil //nolint:nilnil // no file is no error
	}
	image, err := nsenter.Assemble(plan.ReaderProgram(path, open, limit))
	if err != nil {
		_ = text.Close()
		return nil, &diag.Error{Kind: diag.Kernel, Problem: "no boot image can be created for the reader", Err: err}
	}
	files := []uintptr{plan.ReaderRoot: uintptr(root), plan.ReaderTo: uintptr(to), plan.ReaderFile: uintptr(file)}
	if open {
		files[plan.ReaderRoot] = files[plan.ReaderFile]
	} else {
		files[plan.ReaderFile] = files[plan.ReaderRoot]
	}
	boot, err := nsenter.Spawn(image, &nsenter.SpawnOptions{
		Argv: []string{"rt-read"}, Files: files, CgroupFD: -1, Dir: dir,
	})
	if err == nil {
		err = serveReader(boot, plan.ReaderProgram(path, open, limit).Steps, path)
	}
	if _, ok := errors.AsType[*supervise.Failure](err); ok || errors.Is(err, errIrregular) {
		_ = text.Close()
		return nil, nil //nolint:nilnil // see above
	}
	if err == nil {
		_, err = text.Seek(0, io.SeekStart)
	}
	if err != nil {
		_ = text.Close()
		return nil, err
	}
	return text, nil
}

var errIrregular = errors.New("not a regular file")

// serveReader serves a reader until its end, at most for readTime.
func serveReader(boot *nsenter.Boot, steps []nsenter.Step, path string) error {
	begin := time.Now()
	session := supervise.Session{Boot: boot, Steps: steps, Interrupted: func() error {
		if time.Since(begin) < readTime {
			return foreground.Interrupted()
		}
		return &diag.Error{
			Kind: diag.Host, Errno: unix.ETIMEDOUT,
			Problem: "the container's file /" + path + " has not answered within " + readTime.String(),
			Hint:    "a file system that is mounted in the container does not answer",
		}
	}}
	session.Handlers[plan.SyncHome] = func(r supervise.Report) error {
		defer sys.CloseAll(r.FD)
		if r.FD < 0 || !isRegular(r.FD) {
			return errIrregular
		}
		return nil
	}
	err := session.Serve(plan.SyncNone)
	session.End()
	return err
}

// isRegular reports whether fd is of a regular file, without a request to its file system.
func isRegular(fd int) bool {
	_, mode, err := sys.DeviceOf(fd)
	return err == nil && mode&unix.S_IFMT == unix.S_IFREG
}

// openRoot opens the root directory of a process.
func openRoot(pid int) (int, error) {
	return unix.Open("/proc/"+strconv.Itoa(pid)+"/root", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
}
