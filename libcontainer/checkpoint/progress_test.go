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
	var report []Progress
	d := &dump{
		o:      &Options{Progress: func(p Progress) { report = append(report, p) }},
		images: images{dir: fd, work: fd},
	}
	d.reportProgress(false)
	d.reportProgress(true)
	pages, frozen, zero := uint64(3), uint32(1500), uint32(0)
	entry := &stats.StatsEntry{Dump: &stats.DumpStatsEntry{
		PagesWritten: &pages, FrozenTime: &frozen, FreezingTime: &zero, MemdumpTime: &zero, MemwriteTime: &zero,
		PagesScanned: &pages, PagesSkippedParent: &pages, PagesLazy: &pages,
	}}
	text := statisticsFile(t, entry)
	for n := range len(text) + 1 {
		if err := os.WriteFile(dir+"/"+stats.StatsDump, text[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		if s := d.images.statistics(stats.StatsDump); (s != nil) != (n == len(text)) {
			t.Errorf("of %d bytes the statistics are %v", n, s)
		}
	}
	d.reportProgress(false)
	d.reportProgress(true)
	want := []Progress{
		{Bytes: 12288},
		{Bytes: 12288, Done: true},
		{Bytes: 12288},
		{Bytes: 12288, Done: true, Pages: 3, FrozenTime: 1500 * time.Microsecond},
	}
	if len(report) != len(want) {
		t.Fatalf("reported %v", report)
	}
	for i := range want {
		if report[i] != want[i] {
			t.Errorf("reported %v, want %v", report[i], want[i])
		}
	}
}

// statisticsFile returns the contents of a file that CRIU writes its statistics to.
func statisticsFile(t *testing.T, entry *stats.StatsEntry) []byte {
	t.Helper()
	payload, err := entry.MarshalVT()
	if err != nil {
		t.Fatal(err)
	}
	text := binary.LittleEndian.AppendUint32(nil, stats.ImgServiceMagic)
	text = binary.LittleEndian.AppendUint32(text, stats.StatsMagic)
	return append(binary.LittleEndian.AppendUint32(text, uint32(len(payload))), payload...)
}

// TestRestoreProgress has images, and the statistics of a restore: whole, cut at each byte, and those of an earlier
// restore.
func TestRestoreProgress(t *testing.T) {
	dir := t.TempDir()
	fd, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Close(fd) }()
	pages, forking, taking := uint64(3), uint32(1500), uint32(2500)
	text := statisticsFile(t, &stats.StatsEntry{Restore: &stats.RestoreStatsEntry{
		PagesCompared: &pages, PagesSkippedCow: &pages, PagesRestored: &pages,
		ForkingTime: &forking, RestoreTime: &taking,
	}})
	for name, content := range map[string][]byte{
		"pages-1.img": make([]byte, 8192), "core-1.img": make([]byte, 100), "restore.log": make([]byte, 7),
		stats.StatsRestore: text,
	} {
		if err := os.WriteFile(dir+"/"+name, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	images := images{dir: fd, work: fd}
	for n := range len(text) + 1 {
		var report []RestoreProgress
		m := restoreMeter{report: func(p RestoreProgress) { report = append(report, p) }}
		m.begin(&images)
		if _, err := os.Stat(dir + "/" + stats.StatsRestore); err == nil {
			t.Fatal("the statistics of an earlier restore are still there")
		}
		m.reportProgress(&images, Restoring)
		m.reportProgress(&images, Resuming)
		m.reportProgress(&images, Restoring) // CRIU may take its time for the answer
		if err := os.WriteFile(dir+"/"+stats.StatsRestore, text[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		m.reportProgress(&images, Resumed)
		want := []RestoreProgress{
			{Bytes: 8292}, {Bytes: 8292}, {Stage: Resuming, Bytes: 8292}, {Stage: Resumed, Bytes: 8292},
		}
		if n == len(text) {
			want[3].Pages, want[3].ForkTime, want[3].RestoreTime = 3, 1500*time.Microsecond, 2500*time.Microsecond
		}
		if len(report) != len(want) {
			t.Fatalf("of %d bytes: told %v", n, report)
		}
		for i := range want {
			if report[i].Elapsed < 0 || i > 0 && report[i].Elapsed < report[i-1].Elapsed {
				t.Errorf("the time goes from %v to %v", report[max(i-1, 0)].Elapsed, report[i].Elapsed)
			}
			got := report[i]
			if got.Elapsed = 0; got != want[i] {
				t.Errorf("of %d bytes: told %v, want %v", n, got, want[i])
			}
		}
	}
	unasked := restoreMeter{}
	unasked.begin(&images)
	unasked.reportProgress(&images, Resumed)
	if _, err := os.Stat(dir + "/" + stats.StatsRestore); err != nil {
		t.Errorf("nobody wants to know: %v", err)
	}
}
