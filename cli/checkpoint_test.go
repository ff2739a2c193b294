package cli

import (
	"bytes"
	"os"
	"strings"
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
		{Bytes: 4 << 20, Done: true, Pages: 1024, FrozenTime: 35499 * time.Microsecond},
		{Bytes: 1, Done: true},
	} {
		c.showProgress(p)
	}
	const want = "\r\x1b[Kdumped 0 B of memory\r\x1b[Kdumped 3.0 MiB of memory\r\x1b[Kdumped 4.0 MiB of memory, " +
		"1024 pages; the processes were frozen for 35ms\n\r\x1b[Kdumped 1 B of memory\n"
	if got := errs.String(); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// TestProgressOfRestore has a container whose streams may be the terminal, and one that has a terminal elsewhere.
func TestProgressOfRestore(t *testing.T) {
	const line = "\r\x1b[Krestoring 3.0 MiB of images, 0s\r\x1b[Krestoring 3.0 MiB of images, 1.2s\r\x1b[K"
	for elsewhere, want := range map[bool]string{
		false: line,
		true: line + "restored 3.0 MiB of images, 768 pages; CRIU took 1.9ms to fork the processes, and 35ms in " +
			"total\nrestored 3.0 MiB of images\n",
	} {
		var errs bytes.Buffer
		c := &Call{Stderr: &errs}
		for _, p := range []libcontainer.RestoreProgress{
			{Bytes: 3 << 20},
			{Bytes: 3 << 20, Elapsed: 1234 * time.Millisecond},
			{Bytes: 3 << 20, Stage: libcontainer.Resuming},
			{
				Bytes: 3 << 20, Stage: libcontainer.Resumed, Pages: 768, ForkTime: 1900 * time.Microsecond,
				RestoreTime: 35499 * time.Microsecond,
			},
			{Bytes: 3 << 20, Stage: libcontainer.Resumed},
		} {
			c.showRestore(p, elsewhere)
		}
		if got := errs.String(); got != want {
			t.Errorf("elsewhere %v: got  %q\nwant %q", elsewhere, got, want)
		}
	}
}

// TestProgressIsQuotedTruly compares the lines that checkpoint.md shows.
func TestProgressIsQuotedTruly(t *testing.T) {
	page, err := os.ReadFile("../docs/checkpoint.md")
	if err != nil {
		t.Fatal(err)
	}
	var errs bytes.Buffer
	c := &Call{Stderr: &errs}
	c.showProgress(libcontainer.CheckpointProgress{
		Bytes: 40_726_528, Done: true, Pages: 9943, FrozenTime: 118 * time.Millisecond,
	})
	c.showRestore(libcontainer.RestoreProgress{
		Bytes: 60_200_000, Stage: libcontainer.Resumed, Pages: 14697, ForkTime: 100 * time.Microsecond,
		RestoreTime: 204 * time.Millisecond,
	}, true)
	lines := strings.SplitAfter(strings.ReplaceAll(errs.String(), clearLine, ""), "\n")
	for _, line := range lines[:2] {
		if !strings.Contains(string(page), "\n    "+line) {
			t.Errorf("checkpoint.md does not show %q", line)
		}
	}
}
