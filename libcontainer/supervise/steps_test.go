package supervise

import (
	"bytes"
	"testing"

	"golang.org/x/sys/unix"

	"rt/libcontainer/plan"
	"rt/nsenter"
)

// FuzzSteps reads what somebody has written into the file steps of a state directory: what is accepted is written again
// as the same steps.
func FuzzSteps(f *testing.F) {
	steps := []nsenter.Step{
		{Call: nsenter.Getpid, Number: 7, Sentence: "a\ttab", Origin: "mounts[0]"},
		{Call: nsenter.Openat2, Min: 3, Errnos: nsenter.ErrnosOf(unix.ENOENT, unix.EPERM), Then: 3, Else: 2},
		{Call: nsenter.Write, Sync: &nsenter.SyncDetail{Point: plan.SyncReady}},
	}
	f.Add(FormatSteps(steps, 0))
	f.Add(FormatSteps(steps, 1))
	f.Add([]byte("0\t0\tgetpid\tready\t0\t0\t0\t1,2,3,4,5\t\t\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		steps, first, err := ParseSteps(text)
		if err != nil {
			return
		}
		if want := bytes.Count(text, []byte("\n")); len(steps) < want {
			t.Fatalf("%d steps of %d lines: %q", len(steps), want, text)
		}
		for i := range steps {
			if s := &steps[i]; s.Then < 0 || s.Else < 0 || s.Min < 0 || s.Number < 0 {
				t.Fatalf("%+v", *s)
			}
		}
		// The indices are counted from first, as those of a plan that begins there.
		again, start, err := ParseSteps(FormatSteps(steps, 0))
		if err != nil || start != 0 && len(steps) > 0 || len(again) != len(steps) {
			t.Fatalf("%d steps from %d on become %d from %d on: %v", len(steps), first, len(again), start, err)
		}
		if !bytes.Equal(FormatSteps(steps, 0), FormatSteps(again, 0)) {
			t.Errorf("%q becomes %q", FormatSteps(steps, 0), FormatSteps(again, 0))
		}
	})
}
