package spec

import (
	"bytes"
	"encoding/json"
	"errors"
	"path"
	"reflect"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"rt/internal/diag"
)

// FuzzParse feeds documents to Parse. It must never panic, decode what encoding/json decodes, and let nothing through
// that a plan could not be made of.
func FuzzParse(f *testing.F) {
	for _, raw := range corpus(f, false) {
		f.Add(raw)
	}
	for _, patches := range badConfigs {
		for _, patch := range patches {
			f.Add([]byte(patch))
			f.Add([]byte(strings.TrimSuffix(base, "}") + "," + strings.TrimPrefix(patch, "{")))
		}
	}
	for _, more := range []string{
		`"Process": {}, "hostnam": "x", "hostname": "x", "hostname": "y"`,
		`"mounts": [{"destination": "/a", "type": "bind", "source": "/b", "options": ["bind",
			"idmap=uids=0-1-2#@5-6-7;gids=0-1-1"]}, {"destination": "/c\u0000", "options": ["ridmap=uids="]}]`,
		`"linux": {"mountLabel": "u:r:t:s0:c1.c3,c9",
			"resources": {"rdma": {"mlx": {"hcaHandles": 1}}, "pids": {"limit": 0}}}`,
		`"linux": {"mountLabel": "u:r:t:s0-s1:c9.c1,x"}, "annotations": {"\ud83d\ude00": "\u0000"}`,
	} {
		f.Add([]byte(strings.TrimSuffix(base, "}") + "," + more + "}"))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		s, err := Parse(raw, "/bundle", LoadOptions{Unknown: true})
		examined(t, raw, err)
		if err != nil {
			complaint(t, err)
			return
		}
		invariants(t, s)
		sameAsJSON(t, raw, s.OCI)
	})
}

// examined checks that Examine comes to the verdict of Parse, and that all it finds is somewhere in the document.
func examined(t *testing.T, raw []byte, err error) {
	t.Helper()
	r := Examine(raw, "/bundle")
	if (err != nil) != (len(r.Problems) > 0) || (err == nil) != (r.Spec != nil) {
		t.Fatalf("Parse says %v, and Examine %v", err, r.Problems)
	}
	lines := bytes.Split(raw, []byte("\n"))
	within := func(what string, line, column int) {
		t.Helper()
		if line < 1 || line > len(lines) || column < 1 || column > len(lines[line-1])+1 {
			t.Errorf("%s is said to be at %d:%d of %d lines", what, line, column, len(lines))
		}
	}
	for _, e := range r.Problems {
		complaint(t, e)
		within(e.Field, e.Line, e.Column)
	}
	for _, u := range r.Unknown {
		within(u.Path, u.Line, u.Column)
	}
	for _, p := range r.Repeated {
		within(p.Path, p.Line, p.Column)
		if p.First < 1 || p.First > p.Line {
			t.Errorf("%s is first in line %d, and again in %d", p.Path, p.First, p.Line)
		}
	}
}

// complaint checks the shape of an error.
func complaint(t *testing.T, err error) {
	var e *diag.Error
	if !errors.As(err, &e) || e.Kind != diag.Document {
		t.Fatalf("%v is no error of the document", err)
	}
	for _, one := range append([]*diag.Error{e}, e.More...) {
		if one.Problem == "" || len(one.More) > 0 && one != e {
			t.Errorf("a problem without words, or with problems of its own: %+v", one)
		}
	}
}

// invariants checks what the compiler of plans takes for granted.
func invariants(t *testing.T, s *Spec) {
	absolute := func(what string, list ...string) {
		for _, p := range list {
			if !strings.HasPrefix(p, "/") || strings.Contains(p, "\x00") || path.Clean(p) != p {
				t.Errorf("%s %q is not absolute and clean", what, p)
			}
		}
	}
	absolute("rootfs", s.Rootfs)
	absolute("masked", s.MaskedPaths...)
	absolute("read-only", s.ReadonlyPaths...)
	for _, m := range s.Mounts {
		absolute("destination", m.Destination)
		if m.Destination == "/" || m.Type == "" && !m.Remount ||
			m.Bind && !m.Remount && !strings.HasPrefix(m.Source, "/") || strings.Contains(m.Data, "\x00") {
			t.Errorf("mount %+v", m)
		}
		if m.AttrSet&atimeMask != 0 && m.AttrClear&atimeMask != atimeMask ||
			m.RecSet&atimeMask != 0 && m.RecClear&atimeMask != atimeMask {
			t.Errorf("mount_setattr(2) refuses the atime of %+v", m)
		}
		const propagation = unix.MS_SHARED | unix.MS_SLAVE | unix.MS_PRIVATE | unix.MS_UNBINDABLE
		if m.Flags&(unix.MS_BIND|unix.MS_REC|unix.MS_REMOUNT|propagation) != 0 {
			t.Errorf("flags that are fields: %+v", m)
		}
	}
	for _, d := range s.Devices {
		absolute("device", d.Path)
		if kind := d.Mode & unix.S_IFMT; kind != unix.S_IFCHR && kind != unix.S_IFBLK && kind != unix.S_IFIFO ||
			d.Major > maxMajor || d.Minor > maxMinor {
			t.Errorf("device %+v", d)
		}
	}
	if s.Namespaces.New&unix.CLONE_NEWUSER != 0 && (!mapsID(s.UIDMappings, 0) || !mapsID(s.GIDMappings, 0)) {
		t.Error("a new user namespace without root")
	}
	for _, y := range s.Sysctl {
		if strings.HasPrefix(y.Path, "/") || path.Clean(y.Path) != y.Path || strings.HasPrefix(y.Path, "..") ||
			!s.Namespaces.Has(sysctlNamespace(y.Path)) {
			t.Errorf("sysctl %+v", y)
		}
	}
	if p := s.Process; p != nil {
		absolute("cwd", p.Cwd)
		if len(p.Args) == 0 || p.Args[0] == "" || p.Cwd == "" || p.Cwd[0] != '/' ||
			strings.Contains(strings.Join(append(p.Args, p.Env...), ""), "\x00") {
			t.Errorf("process %+v", p)
		}
		if c := p.Capabilities; c != nil && (c.Effective&^c.Permitted != 0 ||
			c.Ambient&^(c.Permitted&c.Inheritable) != 0) {
			t.Errorf("capabilities %+v", c)
		}
	}
}

// sameAsJSON checks that encoding/json decodes raw to the same, but for the sections of other platforms, and for arrays
// given twice.
func sameAsJSON(t *testing.T, raw []byte, got *specs.Spec) {
	var want specs.Spec
	d := json.NewDecoder(bytes.NewReader(raw))
	if err := d.Decode(&want); err != nil {
		if mismatch, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
			for _, other := range []string{"solaris", "windows", "vm", "zos", "freebsd"} {
				if strings.HasPrefix(mismatch.Field, other) {
					return
				}
			}
		}
		t.Fatalf("accepted here, but encoding/json: %v", err)
	}
	want.Solaris, want.Windows, want.VM, want.ZOS, want.FreeBSD = nil, nil, nil, nil, nil
	if !reflect.DeepEqual(got, &want) && !repeats(raw) {
		t.Errorf("decoded differently by encoding/json")
	}
}

// repeats reports whether an object of a document gives a name twice, in whatever case.
func repeats(raw []byte) bool {
	d := json.NewDecoder(bytes.NewReader(raw))
	type level struct {
		seen  map[string]bool
		isKey bool
	}
	var stack []level
	for {
		token, err := d.Token()
		if err != nil {
			return false
		}
		top := len(stack) - 1
		switch v := token.(type) {
		case json.Delim:
			switch v {
			case '{':
				stack = append(stack, level{seen: map[string]bool{}, isKey: true})
				continue
			case '[':
				stack = append(stack, level{})
				continue
			}
			stack = stack[:top]
			top--
		case string:
			if top >= 0 && stack[top].seen != nil && stack[top].isKey {
				low := strings.ToLower(v)
				if stack[top].seen[low] {
					return true
				}
				stack[top].seen[low], stack[top].isKey = true, false
				continue
			}
		}
		if top >= 0 && stack[top].seen != nil {
			stack[top].isKey = true
		}
	}
}

// FuzzProcess and FuzzResources do the same for the documents of exec and update.
func FuzzProcess(f *testing.F) {
	for _, raw := range corpus(f, true) {
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if _, err := LoadProcess(raw); err != nil {
			complaint(t, err)
			if e, ok := errors.AsType[*diag.Error](err); ok {
				Locate(raw, e)
			}
		}
	})
}

func FuzzResources(f *testing.F) {
	f.Add([]byte(`{"memory": {"limit": 1}, "cpu": {"cpus": "0-3"}, "unified": {"memory.high": "1"},
		"hugepageLimits": [{"pageSize": "2MB", "limit": 1}]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if _, err := ParseResources(raw); err != nil {
			complaint(t, err)
		}
	})
}
