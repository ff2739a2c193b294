package checkpoint

import (
	"encoding/binary"
	"os"
	"testing"
	"time"

	"github.com/checkpoint-restore/go-criu/v8/stats"
	"golang.org/x/sys/unix"
)

// TestProgress has images of memory, and the statistics of a dump: whole, cut at each byte, and none.
func TestProgress(t *testing.T) {
	dir := t.TempDir()
	fd, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Close(fd) }()
	for name, size := range map[string]int{"pages-1.img": 8192, "pages-2.img": 4096, "core-1.img": 100} {
		if err := os.WriteFile(dir+"/"+name, make([]byte, size), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var told []Progress
	d := &dump{
		o:      &Options{Progress: func(p Progress) { told = append(told, p) }},
		images: images{dir: fd, work: fd},
	}
	d.tell(false)
	d.tell(true)
	pages, frozen, zero := uint64(3), uint32(1500), uint32(0)
	entry := &stats.StatsEntry{Dump: &stats.DumpStatsEntry{
		PagesWritten: &pages, FrozenTime: &frozen, FreezingTime: &zero, MemdumpTime: &zero, MemwriteTime: &zero,
		PagesScanned: &pages, PagesSkippedParent: &pages, PagesLazy: &pages,
	}}
	payload, err := entry.MarshalVT()
	if err != nil {
		t.Fatal(err)
	}
	text := binary.LittleEndian.AppendUint32(nil, stats.ImgServiceMagic)
	text = binary.LittleEndian.AppendUint32(text, stats.StatsMagic)
	text = append(binary.LittleEndian.AppendUint32(text, uint32(len(payload))), payload...)
	for n := range len(text) + 1 {
		if err := os.WriteFile(dir+"/"+stats.StatsDump, text[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		if s := d.images.statistics(); (s != nil) != (n == len(text)) {
			t.Errorf("of %d bytes the statistics are %v", n, s)
		}
	}
	d.tell(true)
	want := []Progress{
		{Bytes: 12288},
		{Bytes: 12288, Done: true},
		{Bytes: 12288, Done: true, Pages: 3, Frozen: 1500 * time.Microsecond},
	}
	if len(told) != len(want) {
		t.Fatalf("told %v", told)
	}
	for i := range want {
		if told[i] != want[i] {
			t.Errorf("told %v, want %v", told[i], want[i])
		}
	}
}
