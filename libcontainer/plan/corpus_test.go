package plan

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"rt/libcontainer/host"
	"rt/nsenter"
	"rt/spec"
)

// TestCorpus compiles every config that a real engine wrote, for every kind of host, and assembles it.
func TestCorpus(t *testing.T) {
	files, err := filepath.Glob("../../spec/testdata/corpus/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no corpus: %v", err)
	}
	compiled := 0
	for _, path := range files {
		if strings.HasPrefix(filepath.Base(path), "exec-") {
			continue
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		s, err := spec.Parse(raw, "/bundle", spec.LoadOptions{})
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		for name, f := range map[string]host.Facts{"v2": modern(), "v1": cgroup1(), "5.10": linux510()} {
			o := options(s, &f)
			o.Filter = filter(t, s)
			p, err := Compile(s, &f, o)
			if name == "5.10" && recursive(s) {
				if err == nil || !strings.Contains(err.Error(), "Linux 5.12") {
					t.Errorf("%s on %s: %v, although its rro can't be done there", path, name, err)
				}
				continue
			}
			if err != nil {
				t.Errorf("%s on %s: %v", path, name, err)
				continue
			}
			if len(p.Warnings) > 0 {
				t.Errorf("%s on %s: warnings %q", path, name, p.Warnings)
			}
			if _, err := nsenter.Assemble(&p.Program); err != nil {
				t.Errorf("%s on %s: %v", path, name, err)
			}
			compiled++
		}
	}
	if compiled < 100 {
		t.Errorf("only %d plans compiled: has the corpus moved?", compiled)
	}
}

// recursive reports whether a bind mount has options for the whole tree.
func recursive(s *spec.Spec) bool {
	for i := range s.Mounts {
		if m := &s.Mounts[i]; m.Bind && m.RecSet|m.RecClear != 0 {
			return true
		}
	}
	return false
}

// TestRefusals checks what the compiler refuses for the host's sake.
func TestRefusals(t *testing.T) {
	tests := map[string]struct {
		edit string
		set  func(*Options)
		want string
	}{
		"no AppArmor": {`{"process": {"apparmorProfile": "p"}}`, nil, "process.apparmorProfile"},
		"no SELinux":  {`{"process": {"selinuxLabel": "a:b:c"}}`, nil, "process.selinuxLabel"},
		"mount label": {`{"linux": {"mountLabel": "a:b:c"}}`, nil, "linux.mountLabel"},
		"groups denied": {
			`{"process": {"user": {"additionalGids": [5]}}}`,
			func(o *Options) { o.SetgroupsDeny = true }, "process.user.additionalGids",
		},
		"layer, no mounts": {`{"linux": {"namespaces": []}}`, func(o *Options) { o.Layer = &Layer{} }, "--ephemeral"},
		"private, no pivot": {
			`{"linux": {"rootfsPropagation": "private"}}`, func(o *Options) { o.NoPivot = true },
			"linux.rootfsPropagation",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s, f := config(t, test.edit), modern()
			o := options(s, &f)
			if test.set != nil {
				test.set(o)
			}
			if _, err := Compile(s, &f, o); err == nil || !strings.HasPrefix(err.Error(), test.want) {
				t.Errorf("error %v, want one about %s", err, test.want)
			}
		})
	}
}

// TestUnconfinedWithoutAppArmor: a kernel without AppArmor confines no process, which is what the config asks for.
func TestUnconfinedWithoutAppArmor(t *testing.T) {
	f := modern()
	plain := config(t, `{}`)
	want, err := Compile(plain, &f, options(plain, &f))
	if err != nil {
		t.Fatal(err)
	}
	s := config(t, `{"process": {"apparmorProfile": "unconfined"}}`)
	p, err := Compile(s, &f, options(s, &f))
	if err != nil || len(p.Steps) != len(want.Steps) {
		t.Fatalf("error %v, or a step for the profile", err)
	}
}

// TestGrantable checks the warning that config.md asks for.
func TestGrantable(t *testing.T) {
	f := modern()
	f.Caps &^= 1 << unix.CAP_SYS_RESOURCE
	s := config(t, `{"process": {"capabilities": {"bounding": ["CAP_SYS_RESOURCE", "CAP_KILL"],
		"effective": ["CAP_KILL"], "permitted": ["CAP_KILL"]}}}`)
	p, err := Compile(s, &f, options(s, &f))
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Warnings) != 1 || !strings.Contains(p.Warnings[0], "CAP_SYS_RESOURCE can't be granted") {
		t.Errorf("warnings %q", p.Warnings)
	}
}
