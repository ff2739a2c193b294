package checkpoint

import (
	"time"

	"github.com/checkpoint-restore/go-criu/v8/stats"
	"golang.org/x/sys/unix"
)

// RestoreProgress is the progress of the restore of a container.
type RestoreProgress struct {
	Stage   RestoreStage
	Elapsed time.Duration // since CRIU has received the request
	Bytes   int64         // the size of the images in ImagePath, without those of a parent
	// The statistics of CRIU: 0 before the stage Resumed, and if CRIU does not report them.
	Pages       uint64        // the number of memory pages that CRIU has restored
	ForkTime    time.Duration // how long CRIU took to fork the processes
	RestoreTime time.Duration // how long CRIU took for the whole restore
}

// RestoreStage is a stage of a restore.
type RestoreStage int

// The stages of a restore. A restore that fails does not reach the last one.
const (
	Restoring RestoreStage = iota // CRIU restores the processes
	Resuming                      // they are restored, and continue as soon as Progress returns
	Resumed                       // they run
)

// restoreMeter reports the progress of a restore.
type restoreMeter struct {
	report func(RestoreProgress) // RestoreOptions.Progress; may be nil
	start  time.Time
	bytes  int64
	last   RestoreStage // stages are reported in order
}

// begin starts the clock, and removes the statistics of an earlier restore from the working directory.
func (m *restoreMeter) begin(i *images) {
	if m.report == nil {
		return
	}
	_ = unix.Unlinkat(i.work, stats.StatsRestore, 0)
	m.start, m.bytes = time.Now(), i.totalSize()
	m.reportProgress(i, Restoring)
}

// reportProgress calls report, except for a stage before the last reported one.
func (m *restoreMeter) reportProgress(i *images, stage RestoreStage) {
	if m.report == nil || stage < m.last {
		return
	}
	m.last = stage
	p := RestoreProgress{Stage: stage, Elapsed: time.Since(m.start), Bytes: m.bytes}
	if stage == Resumed {
		s := i.statistics(stats.StatsRestore).GetRestore()
		p.Pages = s.GetPagesRestored()
		p.ForkTime = time.Duration(s.GetForkingTime()) * time.Microsecond
		p.RestoreTime = time.Duration(s.GetRestoreTime()) * time.Microsecond
	}
	m.report(p)
}
