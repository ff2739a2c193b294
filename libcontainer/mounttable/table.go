package mounttable

import (
	"io"
	"os"
	"strconv"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"

	"rt/internal/diag"
)

// maxTable is how much of a mount table is read, in bytes.
const maxTable = 64 << 20

// Read reads the mount table that pid sees.
func Read(pid int) ([]*mountinfo.Info, error) {
	return ReadAt(unix.AT_FDCWD, "/proc/"+strconv.Itoa(pid))
}

// ReadAt reads the mount table of the process whose directory in a procfs is path, relative to proc.
func ReadAt(proc int, path string) ([]*mountinfo.Info, error) {
	fd, err := unix.Openat(proc, path+"/mountinfo", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, diag.Sys("the mount table of the container can't be read", "open", err)
	}
	f := os.NewFile(uintptr(fd), "mountinfo")
	defer func() { _ = f.Close() }()
	// A container may have 100000 mounts (fs.mount-max), with a path and options of its choice for each.
	r := &io.LimitedReader{R: f, N: maxTable}
	table, err := mountinfo.GetMountsFromReader(r, nil)
	if r.N <= 0 {
		return nil, &diag.Error{Kind: diag.Host, Problem: "the mount table of the container is larger than 64 MiB"}
	}
	if err != nil {
		return nil, &diag.Error{Kind: diag.Kernel, Problem: "the mount table of the container can't be read", Err: err}
	}
	return table, nil
}
