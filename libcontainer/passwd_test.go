package libcontainer

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// TestPasswdOfAnImage runs containers whose passwd is no file.
func TestPasswdOfAnImage(t *testing.T) {
	for name, c := range map[string]struct {
		make func(path string) error
		want string
	}{
		"a FIFO":           {func(path string) error { return unix.Mkfifo(path, 0o644) }, "/\n"},
		"a directory":      {func(path string) error { return os.Mkdir(path, 0o755) }, "/\n"},
		"a link":           {func(path string) error { return os.Symlink("../data/passwd", path) }, "/linked\n"},
		"a link to itself": {func(path string) error { return os.Symlink("passwd", path) }, "/\n"},
		"a magic link":     {func(path string) error { return os.Symlink("/proc/self/cwd/data/passwd", path) }, "/\n"},
		"none":             {func(string) error { return nil }, "/\n"},
	} {
		t.Run(name, func(t *testing.T) {
			bundle := newBundle(t, nil)
			root := bundle + "/rootfs"
			must(t, os.MkdirAll(root+"/etc", 0o755))
			must(t, os.MkdirAll(root+"/data", 0o755))
			must(t, os.WriteFile(root+"/data/passwd", []byte("root:x:0:0::/linked:\n"), 0o644))
			_ = os.Remove(root + "/etc/passwd")
			must(t, c.make(root+"/etc/passwd"))
			said, err := outputOf(t, bundle, `echo "$HOME"`, func(config map[string]any) {
				config["process"].(map[string]any)["env"] = []string{"PATH=/bin"}
			})
			if err != nil || said != c.want {
				t.Errorf("%v, and HOME is %q", err, said)
			}
		})
	}
}
