package plan

import (
	"strings"
	"testing"

	"rt/nsenter"
)

// checkSync checks what package supervise counts on: a step that reports is a sync point, and the boot process waits
// behind it if the point says so.
func checkSync(t *testing.T, p *Plan) {
	t.Helper()
	for i := range p.Steps {
		s := &p.Steps[i]
		point := SyncPointOf(s)
		if s.Reports() != (point != SyncNone) {
			t.Errorf("step %d, %s: reports %v at sync point %q", s.Number, s.Sentence, s.Reports(), point)
		}
		if point == SyncNone {
			continue
		}
		if s.Errnos.Any() {
			t.Errorf("step %d, %s: continues without having reported", s.Number, s.Sentence)
		}
		if point.Passes() != PassesPid && awaits(p, i+1) != point.Waits() {
			t.Errorf("step %d, %s: waits %v", s.Number, s.Sentence, awaits(p, i+1))
		}
	}
}

// awaits reports whether the next read from the control channel comes before the next report.
func awaits(p *Plan, i int) bool {
	for ; i < len(p.Steps) && !p.Steps[i].Reports(); i++ {
		if s := &p.Steps[i]; s.Call == nsenter.Read && s.Min == 1 &&
			strings.HasPrefix(p.Text(i), "read($ctl, scratch, ") {
			return true
		}
	}
	return false
}

func TestSyncPointNames(t *testing.T) {
	for p := SyncNone + 1; p < SyncPoints; p++ {
		if p.String() == "" || SyncPointNamed(p.String()) != p {
			t.Errorf("sync point %d has the name %q, which is that of %d", p, p, SyncPointNamed(p.String()))
		}
	}
}
