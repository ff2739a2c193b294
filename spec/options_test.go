package spec

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
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
		if o.set&o.clear != 0 && o.clear != atimeMask {
			t.Errorf("%s sets and clears the same attribute", o.word)
		}
		if o.set&atimeMask != 0 && o.clear != atimeMask {
			t.Errorf("%s sets a value of the atime field without clearing it first: mount_setattr(2) says EINVAL",
				o.word)
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
		ro, nosuid, nodev, noexec = unix.MOUNT_ATTR_RDONLY, unix.MOUNT_ATTR_NOSUID, unix.MOUNT_ATTR_NODEV,
			unix.MOUNT_ATTR_NOEXEC
		noatime, strictatime = unix.MOUNT_ATTR_NOATIME, unix.MOUNT_ATTR_STRICTATIME
	)
	for name, c := range map[string]struct {
		kind  string
		words []string
		want  Mount
	}{
		"flags and data": {
			"tmpfs",
			[]string{"nosuid", "strictatime", "mode=755", "size=65536k"},
			Mount{
				AttrSet: nosuid | strictatime, AttrClear: atimeMask, Flags: unix.MS_NOSUID | unix.MS_STRICTATIME,
				Data: "mode=755,size=65536k",
			},
		},
		"the last one counts": {
			"tmpfs",
			[]string{"ro", "rw", "noexec", "exec", "noexec"},
			Mount{AttrSet: noexec, AttrClear: ro, Flags: unix.MS_NOEXEC},
		},
		"strictatime wins": {
			"tmpfs",
			[]string{"strictatime", "noatime", "nodiratime", "relatime"},
			Mount{
				AttrSet: strictatime | unix.MOUNT_ATTR_NODIRATIME, AttrClear: atimeMask,
				Flags: unix.MS_STRICTATIME | unix.MS_NODIRATIME,
			},
		},
		"atime undoes noatime alone": {
			"tmpfs",
			[]string{"noatime", "strictatime", "atime"},
			Mount{AttrSet: strictatime, AttrClear: atimeMask, Flags: unix.MS_STRICTATIME},
		},
		"what wins can be undone": {
			"tmpfs",
			[]string{"strictatime", "noatime", "nostrictatime"},
			Mount{AttrSet: noatime, AttrClear: atimeMask, Flags: unix.MS_NOATIME},
		},
		"relatime does not undo noatime": {
			"tmpfs",
			[]string{"noatime", "relatime"},
			Mount{AttrSet: noatime, AttrClear: atimeMask, Flags: unix.MS_NOATIME},
		},
		"relatime": {
			"tmpfs",
			[]string{"relatime"},
			Mount{AttrClear: atimeMask, Flags: unix.MS_RELATIME},
		},
		"bind": {
			"none",
			[]string{"bind", "rslave", "shared", "ro"},
			Mount{
				Type: "bind", Bind: true, Propagation: []uintptr{unix.MS_SLAVE | unix.MS_REC, unix.MS_SHARED},
				AttrSet: ro, Flags: unix.MS_RDONLY, Flagged: true,
			},
		},
		"rw is a flag of a bind":    {"bind", []string{"rw"}, Mount{Bind: true, AttrClear: ro, Flagged: true}},
		"async is a flag of a bind": {"bind", []string{"async"}, Mount{Bind: true, Flagged: true}},
		"no flags of a bind": {
			"bind",
			[]string{"rbind", "rro", "defaults", "nofail"},
			Mount{Bind: true, Recursive: true, RecSet: ro},
		},
		"links of a bind": {
			"bind",
			[]string{"copy-symlink", "src-nofollow", "dest-nofollow"},
			Mount{Bind: true, CopySymlink: true, SourceNoFollow: true, DestNoFollow: true},
		},
		"idmap with ranges": {
			"bind",
			[]string{"idmap=uids=1003-0-1#1000-994-2;gids=5-6-7"},
			Mount{
				Bind: true, IDMap: true, UIDMappings: []specs.LinuxIDMapping{
					{ContainerID: 1003, HostID: 0, Size: 1},
					{ContainerID: 1000, HostID: 994, Size: 2},
				},
				GIDMappings: []specs.LinuxIDMapping{{ContainerID: 5, HostID: 6, Size: 7}},
			},
		},
		"user of a file system": {"cifs", []string{"user=me"}, Mount{Data: "user=me"}},
		"rbind stays recursive": {"", []string{"rbind", "bind"}, Mount{Type: "bind", Bind: true, Recursive: true}},
		"type bind is a bind":   {"bind", nil, Mount{Bind: true}},
		"recursive attributes": {
			"bind",
			[]string{"rbind", "rro", "rnodev", "rdev"},
			Mount{Bind: true, Recursive: true, RecSet: ro, RecClear: nodev},
		},
		"super block": {
			"ext4",
			[]string{"sync", "lazytime", "async"},
			Mount{Flags: unix.MS_LAZYTIME, SuperFlags: unix.MS_LAZYTIME},
		},
		"words of mount(8) only": {
			"ext4",
			[]string{"defaults", "nofail", "x-gvfs-show", "comment=a", "_netdev"},
			Mount{},
		},
		"users brings three": {
			"ext4",
			[]string{"users", "exec"},
			Mount{AttrSet: nosuid | nodev, AttrClear: noexec, Flags: unix.MS_NOSUID | unix.MS_NODEV},
		},
		"remount": {
			"",
			[]string{"remount", "ro"},
			Mount{Remount: true, AttrSet: ro, Flags: unix.MS_RDONLY},
		},
		"tmpcopyup": {"tmpfs", []string{"tmpcopyup"}, Mount{TmpCopyUp: true}},
		"ridmap": {
			"bind",
			[]string{"rbind", "ridmap"},
			Mount{Bind: true, Recursive: true, IDMap: true, IDMapRecursive: true},
		},
	} {
		t.Run(name, func(t *testing.T) {
			checks := newMountChecker(&Spec{})
			got := Mount{Type: c.kind}
			checks.parseOptions(locationOf("mounts[0].options"), c.words, &got)
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

// TestOptionsWithValues: a word of rt's own with a value that it can't have is refused, whatever the type of the mount:
// nobody else would do what it asks for.
func TestOptionsWithValues(t *testing.T) {
	for _, c := range []struct{ kind, word, want string }{
		{"bind", "ro=recursive", "takes no value"},
		{"tmpfs", "ro=1", "takes no value"},
		{"tmpfs", "tmpcopyup=yes", "takes no value"},
		{"bind", "copy-symlink=1", "takes no value"},
		{"bind", "idmap=", "is no part of an id mapping"},
		{"bind", "idmap=uids=0-0-1", "needs both"},
		{"bind", "idmap=uids=0-0-1;uids=1-1-1", "is no part"},
		{"bind", "idmap=uids=0-0;gids=0-0-1", "is no range of ids"},
		{"bind", "idmap=uids=0-0-4294967296;gids=0-0-1", "is no range of ids"},
		{"bind", "idmap=uids=0-0-1;gids=0-0-1;more", "is no part"},
		{"tmpfs", "src-nofollow", "leave them out of a mount of type tmpfs"},
	} {
		checks := newMountChecker(&Spec{})
		m := Mount{Type: c.kind}
		checks.parseOptions(locationOf("mounts[0].options"), []string{c.word}, &m)
		if err := checks.err(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s on %s: %v, which lacks %q", c.word, c.kind, err, c.want)
		}
	}
}

// TestRelativeIDs: a range with an @ names ids of the container, which its user namespace maps.
func TestRelativeIDs(t *testing.T) {
	container := []specs.LinuxIDMapping{
		{ContainerID: 0, HostID: 100000, Size: 10},
		{ContainerID: 10, HostID: 500, Size: 5},
	}
	s := &Spec{UIDMappings: container, GIDMappings: container}
	for value, want := range map[string]uint32{
		"uids=@7-3-2;gids=@7-3-2": 100003, "uids=@7-10-5;gids=@7-10-5": 500, "uids=7-3-2;gids=7-3-2": 3,
		"uids=@7-9-2;gids=@7-9-2": 0, "uids=@7-15-1;gids=@7-15-1": 0, "uids=@7-12-4294967295;gids=@7-12-1": 0,
	} {
		checks := newMountChecker(s)
		m := Mount{Type: "bind"}
		checks.parseOptions(locationOf("mounts[0].options"), []string{"idmap=" + value}, &m)
		checks.checkIDMap(locationOf("mounts[0]"), &m)
		err := checks.err()
		if want == 0 {
			if err == nil || !strings.Contains(err.Error(), "must lie in one range") {
				t.Errorf("%s: error %v, ids %v", value, err, m.UIDMappings)
			}
			continue
		}
		if err != nil || m.UIDMappings[0].HostID != want || m.GIDMappings[0].HostID != want {
			t.Errorf("%s: error %v, ids %v %v, want %d", value, err, m.UIDMappings, m.GIDMappings, want)
		}
	}
}

func newMountChecker(s *Spec) *mountChecker {
	return &mountChecker{configChecker: &configChecker{checker: &checker{}, spec: s}}
}
