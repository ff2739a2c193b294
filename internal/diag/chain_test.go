package diag

import (
	"testing"

	"golang.org/x/sys/unix"
)

func TestChain(t *testing.T) {
	e := Sys("the file can't be opened", "openat2", unix.ENOENT).At("mounts[3].source", "/x").WithHint(
		"make it").WithHint("")
	const want = `mounts[3].source "/x": the file can't be opened: openat2(2): no such file or directory (ENOENT) ` +
		`(hint: make it)`
	if e.Error() != want {
		t.Errorf("got %s\nnot %s", e, want)
	}
}
