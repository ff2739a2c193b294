package supervise

import (
	"errors"
	"testing"

	"golang.org/x/sys/unix"

	"rt/libcontainer/plan"
)

// TestEndBeforeTheAnswer has a boot process that ends while it waits for an answer: it can't have executed the program.
// With its last report, the error is that.
func TestEndBeforeTheAnswer(t *testing.T) {
	for _, last := range []message{{}, failed(stepAnswer, -int64(unix.EDOM))} {
		p := newPeer(t)
		p.Handlers[plan.SyncReady] = func(Report) error {
			if len(last.bytes) > 0 {
				p.send(last)
			}
			_ = unix.Close(p.fd)
			p.fd = -1
			return nil
		}
		p.send(synced(stepReady, 0))
		err := p.Serve(plan.SyncNone)
		if f, ok := errors.AsType[*Failure](err); ok == (len(last.bytes) == 0) || ok && f.Index != stepAnswer {
			t.Errorf("after %v: %v", last, err)
		}
		if u, ok := errors.AsType[*Unanswered](err); ok != (len(last.bytes) == 0) ||
			ok && (u.Index != stepAnswer || !errors.Is(err, ErrEnded)) {
			t.Errorf("after %v: %v", last, err)
		}
	}
}
