package spec

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"rt/internal/diag"
)

func TestLoad(t *testing.T) {
	bundle := t.TempDir()
	if err := os.WriteFile(filepath.Join(bundle, "config.json"), []byte(base), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Chdir(filepath.Dir(bundle))
	s, err := Load(filepath.Base(bundle), LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if s.Bundle != bundle || s.Rootfs != filepath.Join(bundle, "rootfs") || string(s.Raw) != base {
		t.Errorf("bundle %q, rootfs %q, raw %q", s.Bundle, s.Rootfs, s.Raw)
	}
}

// TestLoadNothing: engines decide exit codes by these words (Docker: 127).
func TestLoadNothing(t *testing.T) {
	bundle := t.TempDir()
	_, err := Load(bundle, LoadOptions{})
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "config.json") ||
		!strings.Contains(err.Error(), "no such file or directory") {
		t.Errorf("no config.json: %v", err)
	}
	if err := os.Mkdir(filepath.Join(bundle, "config.json"), 0o700); err != nil {
		t.Fatal(err)
	}
	_, err = Load(bundle, LoadOptions{})
	var e *diag.Error
	if !errors.As(err, &e) || !strings.Contains(err.Error(), "is a directory (EISDIR)") {
		t.Errorf("config.json is a directory: %v", err)
	}
}

func TestRelativePaths(t *testing.T) {
	s, err := Parse(merged(t, `{"root": {"path": "../fs/"}, "mounts": [
		{"destination": "data/../srv/", "source": "vol", "options": ["rbind"]},
		{"destination": "/b", "source": "/x/../y", "type": "bind"}]}`), "/run/bundle", LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if s.Rootfs != "/run/fs" || s.Mounts[0].Source != "/run/bundle/vol" || s.Mounts[0].Destination != "/srv" {
		t.Errorf("rootfs %q, mount %+v", s.Rootfs, s.Mounts[0])
	}
	if got := s.Mounts[1].Source; got != "/x/../y" {
		t.Errorf("an absolute source became %q: cleaning it would be wrong where x is a symbolic link", got)
	}
	if len(s.Warnings) != 1 || !strings.HasPrefix(s.Warnings[0], "mounts[0].destination: ") {
		t.Errorf("warnings %q", s.Warnings)
	}
}

func TestEnvironmentHasEachNameOnce(t *testing.T) {
	many := []string{"PATH=/image", "HOME=/root"}
	for i := range 2 * manyEnv {
		many = append(many, "V"+string(rune('A'+i%26))+string(rune('A'+i/26))+"=1")
	}
	for name, list := range map[string][]string{"few": many[:2], "many": many} {
		p, err := CheckProcess(&specs.Process{
			Args: []string{"sh"}, Cwd: "/",
			Env: append(slices.Clone(list), "PATH=/user", "PATH2=", "PATH=/last"),
		}, "process")
		if err != nil {
			t.Fatal(err)
		}
		if len(p.Env) != len(list)+1 || p.Env[0] != "PATH=/last" || p.Env[1] != "HOME=/root" ||
			p.Env[len(list)] != "PATH2=" {
			t.Errorf("%s: %q", name, p.Env)
		}
	}
}

func TestProcessAlone(t *testing.T) {
	p, err := LoadProcess([]byte(`{"cwd": "/", "args": ["sh"], "user": {"uid": 1, "gid": 2, "umask": 23}, ` +
		`"capabilities": {"bounding": ["CAP_BPF", "CAP_X"]}}`))
	if err != nil {
		t.Fatal(err)
	}
	if p.UID != 1 || p.GID != 2 || p.Umask != 0o27 || p.Capabilities.Bounding != 1<<39 || p.Path != "" ||
		len(p.Warnings) != 1 {
		t.Errorf("%+v", p)
	}
	for doc, want := range map[string]string{
		`{"cwd": "x", "args": []}`: `args: is required: the program and its arguments; cwd "x": must be an absolute ` +
			`path`,
		`{"cwd": "/"`: "document: is not JSON",
	} {
		if _, err := LoadProcess([]byte(doc)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", doc, err, want)
		}
	}
}

func TestResourcesAlone(t *testing.T) {
	r, err := ParseResources([]byte(`{"memory": {"limit": 1048576}, "pids": {"limit": 30}}`))
	if err != nil || *r.Memory.Limit != 1048576 || *r.Pids.Limit != 30 {
		t.Errorf("%+v, %v", r, err)
	}
	if _, err := ParseResources([]byte(`{"cpu": {"idle": 3}, "memory": 1}`)); err == nil ||
		!strings.Contains(err.Error(), "memory: must be an object") || !strings.Contains(err.Error(), "cpu.idle") {
		t.Errorf("%v", err)
	}
}

func TestUnknown(t *testing.T) {
	doc := strings.Replace(base, `"cwd"`,
		"\n  \"argz\": 1, \"NoNewPrivileges\": true, \"zzz\": {\"args\": 1}, \"cap\": {}, \"cwd\"", 1)
	s, err := Parse([]byte(doc), "/bundle", LoadOptions{Unknown: true})
	if err != nil {
		t.Fatal(err)
	}
	want := []Unknown{
		{Path: "process.argz", Nearest: "args", Line: 2, Column: 3},
		{Path: "process.NoNewPrivileges", Nearest: "noNewPrivileges", Used: true, Line: 2, Column: 14},
		{Path: "process.zzz", Line: 2, Column: 39},
		{Path: "process.cap", Nearest: "capabilities", Line: 2, Column: 59},
	}
	if !slices.Equal(s.Unknown, want) {
		t.Errorf("got  %+v\nwant %+v", s.Unknown, want)
	}
	if !s.Process.NoNewPrivs {
		t.Error("a property whose case is wrong must count, as it does for other runtimes: here it protects")
	}
	if s, err := Parse([]byte(doc), "/bundle", LoadOptions{}); err != nil || s.Unknown != nil {
		t.Errorf("not asked for: %+v, %v", s.Unknown, err)
	}
}

func TestNearest(t *testing.T) {
	known := []string{"args", "env", "cwd", "oomScoreAdj", "noNewPrivileges"}
	for name, want := range map[string]string{
		"arsg": "args", "Args": "args", "evn": "env", "oomscoreadj": "oomScoreAdj", "noNewPrivs": "",
		"noNewPrivilege": "noNewPrivileges", "x": "", "": "", "oom": "oomScoreAdj",
	} {
		if got := Nearest(name, known); got != want {
			t.Errorf("nearest to %q is %q, want %q", name, got, want)
		}
	}
	limits := []string{"RLIMIT_AS", "RLIMIT_CORE", "RLIMIT_NOFILE"}
	for name, want := range map[string]string{
		"RLIMIT_FOO": "", "RLIMIT_NOFILES": "RLIMIT_NOFILE", "RLIMIT_COER": "RLIMIT_CORE", "RLIMIT_": "",
	} {
		if got := Nearest(name, limits); got != want {
			t.Errorf("nearest to %q is %q, want %q", name, got, want)
		}
	}
}

func TestDevicesListedTwiceCountOnce(t *testing.T) {
	s, err := Parse(merged(t,
		`{"linux": {"devices": [{"path": "/dev/a", "type": "c", "major": 1, "minor": 3, "fileMode": 8630}, {"path": `+
			`"/dev/a", "type": "u", "major": 1, "minor": 3}, {"path": "/p", "type": "p"}]}}`), "/bundle", LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	want := []Device{
		{Index: 0, Path: "/dev/a", Mode: 0o020666, Major: 1, Minor: 3},
		{Index: 2, Path: "/p", Mode: 0o010666},
	}
	if !slices.Equal(s.Devices, want) {
		t.Errorf("%+v", s.Devices)
	}
}

func TestSysctlPaths(t *testing.T) {
	for key, want := range map[string]string{
		"net.ipv4.ip_forward": "net/ipv4/ip_forward", "net/ipv4/ip_forward": "net/ipv4/ip_forward",
		"net.ipv4.conf.eth0/1.tag": "net/ipv4/conf/eth0.1/tag",
		"net/ipv4/conf/eth0.1/tag": "net/ipv4/conf/eth0.1/tag", "net": "", "net.": "", ".net.x": "", "net/../x": "",
		"net.//.x": "",
	} {
		if got, _ := sysctlPath(key); got != want {
			t.Errorf("%s is %q, want %q", key, got, want)
		}
	}
}

func TestTimeOffsetsAndMountMappings(t *testing.T) {
	s, err := Parse(merged(t, `{"linux": {"namespaces": [{"type": "mount"}, {"type": "user"}, {"type": "time"}], 
		"timeOffsets": {"monotonic": {"secs": -3}, "boottime": {"nanosecs": 5}},
		"uidMappings": [{"containerID": 0, "hostID": 1000, "size": 10}],
		"gidMappings": [{"containerID": 0, "hostID": 2000, "size": 10}]},
		"mounts": [{"destination": "/a", "source": "/a", "options": ["bind", "idmap"]}]}`), "/bundle", LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if want := []TimeOffset{{"boottime", 0, 5}, {"monotonic", -3, 0}}; !slices.Equal(s.TimeOffsets, want) {
		t.Errorf("%+v", s.TimeOffsets)
	}
	if m := s.Mounts[0]; !m.IDMap || len(m.UIDMappings) != 1 || m.GIDMappings[0].HostID != 2000 {
		t.Errorf("an id-mapped mount without mappings takes the container's, not %+v", m)
	}
}
