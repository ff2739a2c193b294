package libcontainer

import (
	"errors"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/libcontainer/host"
)

// TestRemount changes mounts that earlier entries have made, and examines what became of their options.
func TestRemount(t *testing.T) {
	bundle := newBundle(t, nil)
	source := t.TempDir()
	must(t, os.WriteFile(source+"/file", nil, 0o644))
	change := func(options ...string) map[string]any { return map[string]any{"destination": "/m", "options": options} }
	bind := map[string]any{"destination": "/m", "source": source, "options": []string{"bind", "nosuid"}}
	for name, test := range map[string]struct {
		mounts []map[string]any
		has    []string // in mountinfo, all of them
	}{
		"a bind mount becomes read-only": {
			[]map[string]any{bind, change("bind", "remount", "ro")},
			[]string{"ro,nosuid"},
		},
		"an option is taken back": {
			[]map[string]any{bind, change("bind", "remount", "suid", "noexec")},
			[]string{"rw,noexec"},
		},
		"propagation": {
			[]map[string]any{bind, change("bind", "remount", "shared")},
			[]string{"rw,nosuid", "shared:"},
		},
		"a bind of a file": {[]map[string]any{{
			"destination": "/m", "source": source + "/file",
			"options": []string{"bind"},
		}, change("bind", "remount", "ro")}, []string{" ro"}},
		"a tmpfs becomes writable and big": {[]map[string]any{
			tmpfs("/m", "ro", "nosuid", "size=1m"),
			change("remount", "rw", "size=2m"),
		}, []string{"rw,nosuid", "size=2048k"}},
		"a tmpfs becomes read-only": {
			[]map[string]any{tmpfs("/m", "nosuid"), change("remount", "ro")},
			[]string{"ro,nosuid", "tmpfs ro"},
		},
		"a tmpfs and its mount alone": {
			[]map[string]any{tmpfs("/m", "nosuid"), change("bind", "remount", "ro")},
			[]string{"ro,nosuid", "tmpfs rw"},
		},
		"recursive options of a new tmpfs": {[]map[string]any{tmpfs("/m", "rro", "rnosuid")}, []string{"ro,nosuid"}},
		"a remount for the tree of a mount": {
			[]map[string]any{bind, change("bind", "remount", "rro")},
			[]string{"ro,nosuid"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if facts := host.Probe(); strings.Contains(name, "tree") && !facts.Has(host.MountSetattr) {
				t.Skip("needs Linux 5.12, for options of a whole tree")
			}
			_ = os.RemoveAll(bundle + "/rootfs/m")
			said, err := outputOf(t, bundle, "busybox grep ' /m ' /proc/self/mountinfo", func(config map[string]any) {
				for _, m := range test.mounts {
					addMount(config, m)
				}
			})
			if err != nil || strings.Count(said, "\n") != 1 {
				t.Fatalf("%v, and the container sees %q", err, said)
			}
			for _, want := range test.has {
				if !strings.Contains(said, want) {
					t.Errorf("no %q in %s", want, said)
				}
			}
		})
	}
	must(t, os.WriteFile(source+"/file", []byte("the host may write"), 0o644))
}

func TestRemountOfNothing(t *testing.T) {
	bundle := newBundle(t, nil)
	must(t, os.Mkdir(bundle+"/rootfs/plain", 0o755))
	for where, want := range map[string]unix.Errno{"/plain": unix.EINVAL, "/absent": unix.ENOENT} {
		for _, options := range [][]string{{"remount", "ro"}, {"bind", "remount", "nosuid"}} {
			_, err := outputOf(t, bundle, "true", func(config map[string]any) {
				addMount(config, map[string]any{"destination": where, "options": options})
			})
			var e *diag.Error
			if !errors.As(err, &e) || e.Errno != want || !strings.HasPrefix(e.Field, "mounts[") {
				t.Errorf("%s %v: %v", where, options, err)
			}
		}
	}
}
