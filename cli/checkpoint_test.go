package cli

import (
	"bytes"
	"testing"
	"time"

	"rt/libcontainer"
)

func TestProgressOfCheckpoint(t *testing.T) {
	var errs bytes.Buffer
	c := &Call{Stderr: &errs}
	for _, p := range []libcontainer.CheckpointProgress{
		{},
		{Bytes: 3 << 20},
		{Bytes: 4 << 20, Done: true, Pages: 1024, Frozen: 35499 * time.Microsecond},
		{Bytes: 1, Done: true},
	} {
		c.showProgress(p)
	}
	const want = "\r\x1b[Kdumped 0 B of memory\r\x1b[Kdumped 3.0 MiB of memory\r\x1b[Kdumped 4.0 MiB of memory, " +
		"1024 pages; the processes stood still for 35ms\n\r\x1b[Kdumped 1 B of memory\n"
	if got := errs.String(); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}
