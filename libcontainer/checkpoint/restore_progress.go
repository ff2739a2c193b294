package checkpoint

import (
	"time"

	"github.com/checkpoint-restore/go-criu/v8/stats"
	"golang.org/x/sys/unix"
)

// RestoreProgress is how far the restore of a container has come.
type RestoreProgress struct {
	Stage   RestoreStage
	Elapsed time.Duration // since CRIU got its request
	Bytes   int64         // of the images in --image-path, without those of a parent
	// What CRIU has counted. It is known only when the processes run, and 0 if CRIU does not tell it.
	Pages                 uint64        // pages of memory that CRIU has restored
	ForkTime, RestoreTime time.Duration // how long the processes took to be made, and the whole restore
}

// RestoreStage is one part of a restore.
type RestoreStage int

// The stages of a restore. A restore that fails does not reach the last one.
const (
	Restoring RestoreStage = iota // CRIU works
	Resuming                      // all is restored, and continues as soon as Progress returns
	Resumed                       // the processes run
)

// restoreMeter tells somebody how far a restore has come.
type restoreMeter struct {
	told  func(RestoreProgress) // nil if nobody wants to know it
	start time.Time
	bytes int64
	last  RestoreStage // a stage does not come back
}

// begin starts the time of a restore. What an earlier restore in the same directory has counted is removed.
func (m *restoreMeter) begin(i *images) {
	if m.told == nil {
		return
	}
	_ = unix.Unlinkat(i.work, stats.StatsRestore, 0)
	m.start, m.bytes = time.Now(), i.all()
	m.tell(i, Restoring)
}

// tell reports the progress.
func (m *restoreMeter) tell(i *images, stage RestoreStage) {
	if m.told == nil || stage < m.last {
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
	m.told(p)
}
