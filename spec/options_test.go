package spec

import (
	"os"
	"regexp"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

func TestOptionsCoverTheSpec(t *testing.T) {
	md, err := os.ReadFile("testdata/config.md") // runtime-spec v1.3.0, pinned
	if err != nil {
		t.Fatal(err)
	}
	rows := regexp.MustCompile("(?m)^ `(\\w+) *` +\\| (MUST|SHOULD|MAY)").FindAllSubmatch(md, -1)
	if len(rows) < 60 {
		t.Fatalf("found %d rows: has the table moved?", len(rows)) // a test that checks nothing must fail
	}
	for _, r := range rows {
		if findOption(string(r[1])) == nil {
			t.Errorf("option %q, a %s, has no row", r[1], r[2])
		}
	}
}

func TestOptionsAreSorted(t *testing.T) {
	if list := MountOptions(); !slices.IsSorted(list) || len(slices.Compact(list)) != len(options) {
		t.Errorf("findOption looks words up by halving, but they are not sorted, or one is there twice: %q", list)
	}
}

// TestOptionRows asks of each row what must hold for all of them.
func TestOptionRows(t *testing.T) {
	for _, o := range options {
		if o.set&o.clear != 0 && o.clear != anyAtime {
			t.Errorf("%s sets and clears the same attribute", o.word)
		}
		if o.set&anyAtime != 0 && o.clear != anyAtime {
			t.Errorf("%s sets a value of the atime field without clearing it first: mount_setattr(2) says EINVAL", o.word)
		}
		if o.recursive && (o.flag != 0 || o.unflag != 0) {
			t.Errorf("%s is recursive, but mount(2) knows no recursive flags", o.word)
		}
		if (o.kind == isPropagation) != (propagation(o.word) != 0) {
			t.Errorf("%s: is it a propagation or not?", o.word)
		}
	}
}

func TestMountOptionsParse(t *testing.T) {
	const (
		ro, nosuid, nodev, noexec = unix.MOUNT_ATTR_RDONLY, unix.MOUNT_ATTR_NOSUID, unix.MOUNT_ATTR_NODEV, unix.MOUNT_ATTR_NOEXEC
		noatime, strictatime      = unix.MOUNT_ATTR_NOATIME, unix.MOUNT_ATTR_STRICTATIME
	)
	for name, c := range map[string]struct {
		kind  string
		words []string
		want  Mount
	}{
		"flags and data": {
			"tmpfs",
			[]string{"nosuid", "strictatime", "mode=755", "size=65536k"},
			Mount{AttrSet: nosuid | strictatime, AttrClear: anyAtime, Flags: unix.MS_NOSUID | unix.MS_STRICTATIME, Data: "mode=755,size=65536k"},
		},
		"the last one counts": {"tmpfs", []string{"ro", "rw", "noexec", "exec", "noexec"}, Mount{AttrSet: noexec, AttrClear: ro, Flags: unix.MS_NOEXEC}},
		"the last atime word counts": {
			"tmpfs",
			[]string{"strictatime", "noatime", "nodiratime"},
			Mount{AttrSet: noatime | unix.MOUNT_ATTR_NODIRATIME, AttrClear: anyAtime, Flags: unix.MS_NOATIME | unix.MS_NODIRATIME},
		},
		"relatime is a value of its own": {"tmpfs", []string{"noatime", "relatime"}, Mount{AttrClear: anyAtime, Flags: unix.MS_RELATIME}},
		"bind": {
			"none",
			[]string{"bind", "rslave", "shared", "ro"},
			Mount{Type: "bind", Bind: true, Propagation: []uintptr{unix.MS_SLAVE | unix.MS_REC, unix.MS_SHARED}, AttrSet: ro, Flags: unix.MS_RDONLY},
		},
		"rbind stays recursive":  {"", []string{"rbind", "bind"}, Mount{Type: "bind", Bind: true, Recursive: true}},
		"type bind is a bind":    {"bind", nil, Mount{Bind: true}},
		"recursive attributes":   {"bind", []string{"rbind", "rro", "rnodev", "rdev"}, Mount{Bind: true, Recursive: true, RecSet: ro, RecClear: nodev}},
		"super block":            {"ext4", []string{"sync", "lazytime", "async"}, Mount{Flags: unix.MS_LAZYTIME, SuperFlags: unix.MS_LAZYTIME}},
		"words of mount(8) only": {"ext4", []string{"defaults", "nofail", "x-gvfs-show", "comment=a", "_netdev"}, Mount{}},
		"users brings three":     {"ext4", []string{"users", "exec"}, Mount{AttrSet: nosuid | nodev, AttrClear: noexec, Flags: unix.MS_NOSUID | unix.MS_NODEV}},
		"remount":                {"", []string{"remount", "ro"}, Mount{Remount: true, AttrSet: ro, Flags: unix.MS_RDONLY}},
		"tmpcopyup":              {"tmpfs", []string{"tmpcopyup"}, Mount{TmpCopyUp: true}},
		"ridmap":                 {"bind", []string{"rbind", "ridmap"}, Mount{Bind: true, Recursive: true, IDMap: true, IDMapRecursive: true}},
	} {
		t.Run(name, func(t *testing.T) {
			var checks checker
			got := Mount{Type: c.kind}
			checks.options(in("mounts[0].options"), c.words, &got)
			if c.want.Type == "" {
				c.want.Type = c.kind
			}
			if err := checks.err(); err != nil {
				t.Error(err)
			}
			if !slices.Equal(got.Propagation, c.want.Propagation) {
				t.Errorf("propagation %x, want %x", got.Propagation, c.want.Propagation)
			}
			got.Propagation, c.want.Propagation = nil, nil
			if g, w := show(got), show(c.want); g != w {
				t.Errorf("got  %s\nwant %s", g, w)
			}
		})
	}
}
