package checkpoint

import (
	"encoding/binary"
	"io"
	"os"
	"strings"
	"time"

	"github.com/checkpoint-restore/go-criu/v8/stats"
	"golang.org/x/sys/unix"
)

// Progress is the progress of the dump of a container.
type Progress struct {
	Bytes int64 // of memory in the images so far
	// Done says that the dump is complete. Pages and FrozenTime are 0 before, and if CRIU does not report them.
	Done       bool
	Pages      uint64        // the number of memory pages that CRIU has written
	FrozenTime time.Duration // for how long the processes were frozen
}

// reportProgress calls Options.Progress.
func (d *dump) reportProgress(done bool) {
	if d.o.Progress == nil {
		return
	}
	p := Progress{Done: done, Bytes: d.images.memorySize()}
	if s := d.images.statistics(stats.StatsDump).GetDump(); done && s != nil {
		p.Pages = s.GetPagesWritten()
		p.FrozenTime = time.Duration(s.GetFrozenTime()) * time.Microsecond
	}
	d.o.Progress(p)
}

// memorySize returns the size in bytes of the images with the memory of processes.
func (i *images) memorySize() int64 {
	return i.sizeOf(func(name string) bool { return strings.HasPrefix(name, "pages-") })
}

// totalSize returns the size in bytes of all images, without those of a parent.
func (i *images) totalSize() int64 {
	return i.sizeOf(func(name string) bool { return strings.HasSuffix(name, ".img") })
}

// sizeOf returns the sum of the sizes in bytes of the files that counts selects; 0 if the directory can't be read.
func (i *images) sizeOf(counts func(name string) bool) (size int64) {
	fd, err := unix.Openat(i.dir, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return 0
	}
	dir := os.NewFile(uintptr(fd), "images")
	defer func() { _ = dir.Close() }()
	names, _ := dir.Readdirnames(-1)
	for _, name := range names {
		var st unix.Stat_t
		if counts(name) && unix.Fstatat(fd, name, &st, unix.AT_SYMLINK_NOFOLLOW) == nil {
			size += st.Size
		}
	}
	return size
}

// statistics reads the statistics that CRIU has written to its working directory; nil if there are none.
func (i *images) statistics(name string) *stats.StatsEntry {
	fd, err := unix.Openat(i.work, name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil
	}
	file := os.NewFile(uintptr(fd), name)
	defer func() { _ = file.Close() }()
	const most = 64 << 10
	text, err := io.ReadAll(io.LimitReader(file, most))
	if err != nil || len(text) < stats.PayloadOffset {
		return nil
	}
	le := binary.LittleEndian
	text, size := text[stats.PayloadOffset:], le.Uint32(text[stats.SizeOffset:])
	entry := &stats.StatsEntry{}
	if uint64(size) > uint64(len(text)) || entry.UnmarshalVT(text[:size]) != nil {
		return nil
	}
	return entry
}
