package libcontainer

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/libcontainer/supervise"
	"rt/tests/silentfs"
)

// TestServersThatDoNotAnswer has volumes whose server answers some requests and not others: rt gives up after its time
// limit, names the field and the call, and leaves only what waits for the server.
func TestServersThatDoNotAnswer(t *testing.T) {
	if !apart(t) {
		return
	}
	before := supervise.SilenceLimit
	supervise.SilenceLimit = time.Second
	t.Cleanup(func() { supervise.SilenceLimit = before })
	only := func(silent uint32) func(uint32) bool { return func(opcode uint32) bool { return opcode == silent } }
	for name, c := range map[string]struct {
		files       *silentfs.Files
		destination string
		kind        string
		options     []string
		image       func(rootfs string) error
		field, call string
		left        bool // a process of the container waits for the server
	}{
		"a mount point that is never found": {
			&silentfs.Files{Silent: only(silentfs.Lookup)}, "/volume/sub", "tmpfs",
			[]string{"mode=755"},
			nil,
			"destination", "openat2", true,
		},
		"a directory that is never made": {
			&silentfs.Files{Missing: true, Silent: only(silentfs.Mkdir)}, "/volume/sub", "tmpfs",
			[]string{"mode=755"},
			nil, "destination", "mkdirat", true,
		},
		"a directory behind a link that is never made": {
			&silentfs.Files{Missing: true, Silent: only(silentfs.Mkdir)}, "/link/sub", "tmpfs",
			[]string{"mode=755"},
			func(rootfs string) error { return os.Symlink("volume/new", rootfs+"/link") }, "destination",
			"openat2", false,
		},
		"a directory that is never copied": {
			&silentfs.Files{Silent: only(silentfs.Opendir)}, "/volume", "tmpfs",
			[]string{"tmpcopyup"},
			nil,
			"options", "read", false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			served := t.TempDir()
			err := c.files.Mount(0, served)
			if errors.Is(err, silentfs.ErrNoFUSE) {
				t.Skip(err)
			}
			must(t, err)
			t.Cleanup(c.files.End)
			mounts := 0
			bundle := newBundle(t, func(config map[string]any) {
				addMount(config, map[string]any{
					"destination": "/volume", "source": served, "options": []string{"rbind"},
				})
				addMount(config, map[string]any{
					"destination": c.destination, "type": c.kind, "source": c.kind, "options": c.options,
				})
				mounts = len(config["mounts"].([]any))
			})
			if c.image != nil {
				must(t, c.image(filepath.Join(bundle, "rootfs")))
			}
			r, id := &Runtime{Root: t.TempDir()}, "hang-"+strconv.Itoa(os.Getpid())
			_, err = r.Create(context.Background(), id, &CreateOptions{Bundle: bundle})
			e, ok := errors.AsType[*diag.Error](err)
			field := "mounts[" + strconv.Itoa(mounts-1) + "]." + c.field
			if !ok || e.Field != field || e.Call != c.call || e.Errno != unix.ETIMEDOUT || e.Hint == "" {
				t.Errorf("%v", err)
			}
			if ok && c.left && (e.Step == 0 || !strings.Contains(e.Text, c.call)) {
				t.Errorf("the step is %d %q", e.Step, e.Text)
			}
			c.files.End()
			eventually(t, "the container can be removed", func() bool {
				_, err := r.Container(id).ForceDelete(context.Background())
				return err == nil || gone(r, id)
			})
		})
	}
}

// gone reports whether nothing of a container is left for Delete.
func gone(r *Runtime, id string) bool {
	_, err := os.Lstat(r.Root + "/" + id)
	return os.IsNotExist(err)
}
