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

// Progress is how far the dump of a container has come.
type Progress struct {
	Bytes int64 // of memory that are in the images so far
	// Done says that all is dumped. Pages and Frozen are known only then, and 0 if CRIU does not tell them.
	Done   bool
	Pages  uint64        // pages of memory that CRIU has written
	Frozen time.Duration // how long the processes stood still
}

// tell reports the progress to whoever wants to know it.
func (d *dump) tell(done bool) {
	if d.o.Progress == nil {
		return
	}
	p := Progress{Done: done, Bytes: d.images.memory()}
	if s := d.images.statistics(); done && s != nil {
		p.Pages = s.GetPagesWritten()
		p.Frozen = time.Duration(s.GetFrozenTime()) * time.Microsecond
	}
	d.o.Progress(p)
}

// memory returns the size of the images that have the memory of processes.
func (i *images) memory() (size int64) {
	fd, err := unix.Openat(i.dir, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return 0
	}
	dir := os.NewFile(uintptr(fd), "images")
	defer func() { _ = dir.Close() }()
	names, _ := dir.Readdirnames(-1)
	for _, name := range names {
		var st unix.Stat_t
		if strings.HasPrefix(name, "pages-") && unix.Fstatat(fd, name, &st, unix.AT_SYMLINK_NOFOLLOW) == nil {
			size += st.Size
		}
	}
	return size
}

// statistics returns what CRIU has counted, which it writes to its working directory; nil if it has not.
func (i *images) statistics() *stats.DumpStatsEntry {
	fd, err := unix.Openat(i.work, stats.StatsDump, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil
	}
	file := os.NewFile(uintptr(fd), stats.StatsDump)
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
	return entry.GetDump()
}
