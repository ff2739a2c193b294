package seccomp

import (
	"slices"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

func TestCheck(t *testing.T) {
	p := small()
	for _, c := range []struct {
		arch  specs.Arch
		call  string
		args  []uint64
		want  string
		entry int
	}{
		{"", "read", nil, "SCMP_ACT_ALLOW", 0},
		{"", "0", nil, "SCMP_ACT_ALLOW", 0},
		{"", "socket", []uint64{40}, "SCMP_ACT_ERRNO(EPERM)", -1},
		{"", "socket", []uint64{2}, "SCMP_ACT_ALLOW", 1},
		{specs.ArchX86, "socketcall", []uint64{1}, "SCMP_ACT_ALLOW", 1},
		{"", "mmap", []uint64{0, 1 << 33, 7}, "SCMP_ACT_LOG", 3},
		{"", "mmap", []uint64{0, 1 << 31, 7}, "SCMP_ACT_ERRNO(EPERM)", -1},
		{"", "clone3", nil, "SCMP_ACT_ERRNO(ENOSYS)", 4},
		{"", "statmount", nil, "SCMP_ACT_ERRNO(ENOSYS)", -1},
		{specs.ArchAARCH64, "read", nil, "SCMP_ACT_KILL_THREAD", -1},
	} {
		v, err := Check(p, "amd64", c.arch, c.call, c.args...)
		if err != nil || ActionText(v.Return) != c.want || v.Entry != c.entry || v.Why == "" || v.Steps < 2 {
			t.Errorf("%s %s %x: %s by %d (%s), %v", c.arch, c.call, c.args, ActionText(v.Return), v.Entry, v.Why, err)
		}
	}
	for _, bad := range []string{"sys_read", "socketcall", "4294967296"} {
		if _, err := Check(p, "amd64", "", bad); err == nil {
			t.Errorf("%s is not a call of amd64", bad)
		}
	}
	if _, err := Check(p, "amd64", "", "read", 1, 2, 3, 4, 5, 6, 7); err == nil {
		t.Error("7 arguments")
	}
}

func TestTablesFindEveryName(t *testing.T) {
	for i := range nameCount {
		if got := lookup(nameAt(i)); got != i {
			t.Errorf("%s is %d, found %d", nameAt(i), i, got)
		}
		for j := range archs {
			if nr, ok := archs[j].number(i); ok && archs[j].nameOf(nr) != nameAt(i) {
				t.Errorf("%s %d is %s, not %s", archs[j].name, nr, archs[j].nameOf(nr), nameAt(i))
			}
		}
	}
	for _, n := range []string{"", "rea", "readx", "READ"} {
		if lookup(n) >= 0 {
			t.Errorf("found %q", n)
		}
	}
}

// TestListsCoverTheSpec: every constant of the runtime spec has a row.
func TestListsCoverTheSpec(t *testing.T) {
	if len(Architectures()) != 23 || len(Actions()) != 9 || len(Operators()) != 7 || len(Flags()) != 4 {
		t.Errorf("%d architectures, %d actions, %d operators, %d flags", len(Architectures()), len(Actions()),
			len(Operators()), len(Flags()))
	}
	for i := range archs {
		for j := range archs[:i] {
			a, b := &archs[i], &archs[j]
			if a.name == b.name || a.audit == b.audit && a.base == b.base {
				t.Errorf("%s and %s are the same", a.name, b.name)
			}
		}
	}
}

func TestRecorder(t *testing.T) {
	var r Recorder
	r.AddOwn(0xc000003e, 59)
	r.AddOwn(0xc000003e, 9998)
	r.Add(0xc000003e, 59)
	r.Add(0xc000003e, 0)
	r.Add(0xc000003e, 0)
	r.Add(0x40000003, 120)
	r.Add(0xc000003e, 9999)
	r.Add(0xc000003e, 9999)
	p := r.Profile()
	if len(p.Syscalls) != 2 || !slices.Equal(p.Syscalls[0].Names, []string{"execve"}) ||
		!slices.Equal(p.Syscalls[1].Names, []string{"clone", "read"}) ||
		!slices.Equal(p.Architectures, []specs.Arch{specs.ArchX86_64, specs.ArchX86}) || len(r.Unnamed) != 2 {
		t.Errorf("%+v, unnamed %v", p, r.Unnamed)
	}
	for number := range uint32(100000) { // a container that tries every number
		r.Add(0xc000003e, 1<<20+number)
	}
	if len(r.Unnamed) != maxUnnamed || !r.Omitted {
		t.Errorf("%d calls without a name are noted", len(r.Unnamed))
	}
	for call, want := range map[string]string{"clone": "SCMP_ACT_ALLOW", "close": "SCMP_ACT_ERRNO(EPERM)"} {
		if v, err := Check(p, "amd64", "", call); err != nil || ActionText(v.Return) != want {
			t.Errorf("%s: %s, %v", call, ActionText(v.Return), err)
		}
	}
}
