package mounttable

import (
	"errors"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// TestLookup looks up paths below a directory, whose links must not lead out of it. Files are told apart by their
// modes.
func TestLookup(t *testing.T) {
	dir := t.TempDir()
	for _, err := range []error{
		os.MkdirAll(dir+"/a/b", 0o750),
		os.WriteFile(dir+"/a/b/file", nil, 0o640),
		os.WriteFile(dir+"/file", nil, 0o600),
		os.Symlink("../a/./b", dir+"/a/relative"),
		os.Symlink("/a/b/file", dir+"/absolute"),
		os.Symlink("../../../file", dir+"/a/out"),
		os.Symlink("loop", dir+"/loop"),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	root, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Close(root) }()
	table, err := Load(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]uint16{
		"/a/b/file":           unix.S_IFREG | 0o640,
		"a//b/./file":         unix.S_IFREG | 0o640,
		"/a/relative/file":    unix.S_IFREG | 0o640,
		"/absolute":           unix.S_IFREG | 0o640,
		"/a/out":              unix.S_IFREG | 0o600,
		"/../../file":         unix.S_IFREG | 0o600,
		"/a/b/../../file":     unix.S_IFREG | 0o600,
		"/a/relative/../b":    unix.S_IFDIR | 0o750,
		"/a/relative/../..//": unix.S_IFDIR,
	} {
		found, err := table.Lookup(root, path)
		switch {
		case err != nil || found == nil:
			t.Errorf("%s: %v, %v", path, found, err)
		case found.Mode != want && found.Mode&^0o777 != want:
			t.Errorf("%s: got mode %o, want %o", path, found.Mode, want)
		case !found.Known || found.Device || found.Root:
			t.Errorf("%s: got %+v", path, found)
		}
	}
	for path, want := range map[string]error{
		"/loop": unix.ELOOP, "/a/missing": unix.ENOENT, "/file/x": unix.ENOTDIR,
	} {
		if found, err := table.Lookup(root, path); !errors.Is(err, want) {
			t.Errorf("%s: got %v, %v, want %v", path, found, err, want)
		}
	}
	before := countDescriptors(t)
	_, _ = table.Lookup(root, "/a/relative/file")
	_, _ = table.Lookup(root, "/a/missing")
	if after := countDescriptors(t); after != before {
		t.Errorf("%d descriptors were open before, %d after", before, after)
	}
}

// countDescriptors returns how many descriptors this process has open.
func countDescriptors(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}
