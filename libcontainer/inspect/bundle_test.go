package inspect

import (
	"errors"
	"os"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/libcontainer/host"
	"rt/libcontainer/plan"
	"rt/spec"
)

// field returns the field that an error of this package names; "" without an error.
func field(err error) string {
	if e, ok := errors.AsType[*diag.Error](err); ok {
		return e.Field
	}
	return ""
}

func TestSources(t *testing.T) {
	dir := t.TempDir()
	must(t, os.Mkdir(dir+"/rootfs", 0o755))
	must(t, os.WriteFile(dir+"/file", nil, 0o644))
	must(t, os.Symlink("text of the link", dir+"/link"))
	must(t, os.Symlink(dir+"/rootfs/later", dir+"/inside"))
	tests := []struct {
		mount spec.Mount
		want  plan.Source
		link  string
		field string
	}{
		{spec.Mount{Bind: true, Source: dir}, plan.SourceDir, "", ""},
		{spec.Mount{Bind: true, Source: dir + "/file"}, plan.SourceFile, "", ""},
		{spec.Mount{Bind: true, Source: dir + "/missing", Index: 3}, 0, "", "mounts[3].source"},
		{spec.Mount{Bind: true, Source: dir + "/rootfs/later"}, plan.SourceLater, "", ""},
		{spec.Mount{Bind: true, Source: dir + "/inside"}, plan.SourceLater, "", ""},
		{spec.Mount{Bind: true, Source: dir + "/link", CopySymlink: true}, plan.SourceNone, "text of the link", ""},
		{spec.Mount{Bind: true, Source: dir + "/link"}, 0, "", "mounts[0].source"},
		{spec.Mount{Bind: true, Source: dir + "/link", SourceNoFollow: true}, plan.SourceFile, "", ""},
		{spec.Mount{Bind: true, Source: dir, Destination: "/proc"}, 0, "", "mounts[0].source"},
		{spec.Mount{Bind: true, Source: "/proc", Destination: "/proc"}, plan.SourceDir, "", ""},
		{spec.Mount{Bind: true, Source: dir + "/missing", Remount: true}, plan.SourceNone, "", ""},
		{spec.Mount{Type: "tmpfs", Source: "tmpfs", Destination: "/run"}, plan.SourceNone, "", ""},
	}
	for i := range tests {
		c := &tests[i]
		s := &spec.Spec{Rootfs: dir + "/rootfs", Mounts: []spec.Mount{c.mount}}
		got, err := readSources(s, &host.Facts{})
		if field(err) != c.field {
			t.Errorf("%+v: %v", c.mount, err)
		}
		if err != nil {
			continue
		}
		if got.kinds[0] != c.want {
			t.Errorf("%s is of kind %d, want %d", c.mount.Source, got.kinds[0], c.want)
		}
		if c.link != "" && (got.links == nil || got.links[0] != c.link) || c.link == "" && got.links != nil {
			t.Errorf("%s: links %q", c.mount.Source, got.links)
		}
	}
}

func TestModes(t *testing.T) {
	root := t.TempDir()
	for name, mode := range map[string]os.FileMode{"a": 0o700, "b": 0o755 | os.ModeSticky, "below": 0o711} {
		must(t, os.Mkdir(root+"/"+name, mode))
		must(t, os.Chmod(root+"/"+name, mode))
	}
	must(t, os.WriteFile(root+"/file", nil, 0o644))
	must(t, os.Symlink("a", root+"/link"))
	tmpfs := func(destination, data string) spec.Mount {
		return spec.Mount{Type: "tmpfs", Destination: destination, Data: data}
	}
	s := &spec.Spec{Rootfs: root, Mounts: []spec.Mount{
		tmpfs("/a", "size=1m"), tmpfs("/b", ""), tmpfs("/file", ""), tmpfs("/missing", ""), tmpfs("/below", "mode=700"),
		tmpfs("/a/x", ""), tmpfs("/link", ""), tmpfs("/b", ""),
	}}
	modes, later, err := readModes(s, false)
	must(t, err)
	const dir = unix.S_IFDIR
	wantModes := []uint32{dir | 0o700, dir | unix.S_ISVTX | 0o755, 0, 0, 0, 0, 0, 0}
	wantLater := []bool{false, false, false, false, false, true, true, true} // covered, a link, after a link
	for i := range s.Mounts {
		if modes[i] != wantModes[i] || later[i] != wantLater[i] {
			t.Errorf("%s: mode %#o, later %v", s.Mounts[i].Destination, modes[i], later[i])
		}
	}
	if _, later, err = readModes(s, true); err != nil || !later[0] {
		t.Errorf("over a layer: %v, %v", later, err)
	}
	s.Mounts = s.Mounts[4:5]
	if modes, later, err = readModes(s, false); modes != nil || later != nil || err != nil {
		t.Errorf("without a mount that takes a mode: %v %v %v", modes, later, err)
	}
}

func TestRootfs(t *testing.T) {
	dir := t.TempDir()
	must(t, os.WriteFile(dir+"/file", nil, 0o644))
	for path, want := range map[string]string{dir: "", dir + "/file": "root.path", dir + "/none": "root.path"} {
		if err := checkRootfs(&spec.Spec{Rootfs: path}); field(err) != want {
			t.Errorf("%s: %v", path, err)
		}
	}
	must(t, checkNull("/dev/null"))
	for _, path := range []string{dir + "/file", dir, "/dev/zero"} {
		if err := checkNull(path); field(err) != "linux.maskedPaths" {
			t.Errorf("%s as the null device: %v", path, err)
		}
	}
	if _, err := findRootMount(dir + "/none"); field(err) != "root.path" {
		t.Errorf("the mount of a path that does not exist: %v", err)
	}
	point, err := findRootMount("/proc")
	if err != nil || point != "/proc" {
		t.Errorf("/proc is in the mount at %q: %v", point, err)
	}
}

func TestOverlayDirectory(t *testing.T) {
	dir := t.TempDir()
	must(t, os.MkdirAll(dir+"/bundle/rootfs/in", 0o755))
	must(t, os.Mkdir(dir+"/changes", 0o755))
	must(t, os.Symlink("changes", dir+"/link"))
	must(t, os.WriteFile(dir+"/file", nil, 0o644))
	for overlay, want := range map[string]string{
		"/changes": "/changes", "/link": "/changes", "/new": "/new", "/none/new": "", "/file": "", "/file/x": "",
		"/bundle/rootfs": "", "/bundle/rootfs/in": "", "/bundle/rootfs/new": "", "/bundle": "",
	} {
		got, err := findLayer(dir+"/bundle/rootfs", &LayerRequest{Overlay: dir + overlay})
		switch {
		case want == "" && field(err) != "--overlay":
			t.Errorf("%s: %v", overlay, err)
		case want != "" && (err != nil || got.Dir != dir+want || got.Mode != 0o755):
			t.Errorf("%s: %+v, %v", overlay, got, err)
		}
	}
	for _, r := range []LayerRequest{{Overlay: dir, Ephemeral: true}, {Ephemeral: true, Size: "x"}} {
		if _, err := findLayer(dir, &r); err == nil {
			t.Errorf("%+v is no error", r)
		}
	}
	if l, err := findLayer(dir, &LayerRequest{}); l != nil || err != nil {
		t.Errorf("without a request: %v, %v", l, err)
	}
}

func TestListenFDs(t *testing.T) {
	own := strconv.Itoa(os.Getpid())
	for _, c := range []struct {
		fds, pid, names string
		count           int
		env, field      string
	}{
		{"2", own, "a:b", 2, "LISTEN_FDS=2 LISTEN_PID=1 LISTEN_FDNAMES=a:b", ""},
		{"2", "1", "", 0, "", ""},
		{"", own, "", 0, "", ""},
		{"-1", own, "", 0, "", "LISTEN_FDS"},
		{"two", own, "", 0, "", "LISTEN_FDS"},
	} {
		t.Setenv("LISTEN_FDS", c.fds)
		t.Setenv("LISTEN_PID", c.pid)
		t.Setenv("LISTEN_FDNAMES", c.names)
		l, err := readListenFDs()
		if field(err) != c.field || err == nil && (l.count != c.count || strings.Join(l.env, " ") != c.env) {
			t.Errorf("%+v: %+v, %v", c, l, err)
		}
	}
	must(t, CheckPreserved(0))
	if err := CheckPreserved(100000); field(err) != "--preserve-fds" {
		t.Errorf("descriptors that are not open: %v", err)
	}
}

func TestDevices(t *testing.T) {
	var null, file unix.Stat_t
	must(t, unix.Stat("/dev/null", &null))
	must(t, unix.Stat("/proc/self/exe", &file))
	device := spec.Device{Mode: unix.S_IFCHR | 0o666, Major: 1, Minor: 3}
	if !IsDevice(&null, &device) || IsDevice(&file, &device) {
		t.Error("/dev/null is not told from a file")
	}
	for _, other := range []spec.Device{
		{Mode: unix.S_IFBLK, Major: 1, Minor: 3}, {Mode: unix.S_IFCHR, Major: 1, Minor: 5}, {Mode: unix.S_IFIFO},
	} {
		if IsDevice(&null, &other) {
			t.Errorf("/dev/null is taken for %+v", other)
		}
	}
}

func TestKeyringNames(t *testing.T) {
	one, err := KeyringName("c")
	must(t, err)
	other, err := KeyringName("c")
	must(t, err)
	if one == other || len(one) != len("_ses.c.")+32 || !strings.HasPrefix(one, "_ses.c.") {
		t.Errorf("%q and %q", one, other)
	}
}
