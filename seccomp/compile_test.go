package seccomp

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// profiles are the real ones of testdata: what Docker, containerd and Podman wrote into config.json.
func profiles(t testing.TB) map[string]*specs.LinuxSeccomp {
	t.Helper()
	files, _ := filepath.Glob("testdata/*.json")
	if len(files) < 4 {
		t.Fatalf("testdata holds %d profiles", len(files))
	}
	out := make(map[string]*specs.LinuxSeccomp)
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		p := new(specs.LinuxSeccomp)
		if err := json.Unmarshal(b, p); err != nil {
			t.Fatalf("%s: %v", f, err)
		}
		out[filepath.Base(f)] = p
	}
	return out
}

// searched is Compile without the library.
func searched(p *specs.LinuxSeccomp, goarch string) (*Filter, error) {
	list, err := parseArchs(p.Architectures, goarch)
	if err != nil {
		return nil, err
	}
	set, _, err := parseRules(p, list[0])
	if err != nil {
		return nil, err
	}
	f := &Filter{profile: p, set: set, archs: list}
	newCompiler(set, list).writeSearch(f)
	return f, nil
}

// numbersOf are the numbers worth asking about: every one up to the end of the tables, and the edges of the space.
func numbersOf(_ *Filter, m *architecture) []uint32 {
	var out []uint32
	for n := range uint32(700) {
		out = append(out, m.base+n)
		if m.base != 0 && n < 50 {
			out = append(out, n)
		}
	}
	out = append(out, m.base-1, 0xeffff, 0x3fffffff, x32Bit, x32Bit+1, x32Bit+512, x32Bit+600, 0x7fffffff, 0x80000000,
		0xfffffffe, 0xffffffff)
	for n := uint32(0xf0000); n < 0xf0010; n++ {
		out = append(out, n)
	}
	return out
}

// argsOf are the argument vectors at which some condition of the profile changes its mind.
func argsOf(p *specs.LinuxSeccomp) [][6]uint64 {
	out := [][6]uint64{{}, {^uint64(0), ^uint64(0), ^uint64(0), ^uint64(0), ^uint64(0), ^uint64(0)}}
	for n := uint64(1); n < 25; n++ { // socketcall and ipc
		out = append(out, [6]uint64{n})
	}
	for i := range p.Syscalls {
		for _, a := range p.Syscalls[i].Args {
			for _, v := range []uint64{a.Value, a.ValueTwo, a.Value | a.ValueTwo} {
				for _, w := range []uint64{v, v - 1, v + 1, v ^ 1<<32, v ^ 1<<63, v & 0xffffffff, v &^ 0xffffffff} {
					var one [6]uint64
					one[a.Index] = w
					out = append(out, one)
				}
			}
		}
	}
	return out
}

// requireMeaning compares the program of f with decide on every number and boundary argument.
func requireMeaning(t testing.TB, f *Filter, list [][6]uint64) {
	t.Helper()
	checks := 0
	meaning := readProfile(f.profile, f.archs)
	for _, m := range f.archs {
		for _, nr := range numbersOf(f, m) {
			few := list[:2]
			k := -1
			if n := m.nameOf(nr); n != "" {
				k = lookup(n)
			}
			if k >= 0 && (len(f.set.leaves[f.set.leafOf[k]].rules) > 0 || k == idxSocketcall || k == idxIpc) {
				few = list
			}
			for _, a := range few {
				call := Call{Audit: m.audit, Number: nr, Args: a}
				got, err := Eval(f.Prog, f.archs[0].big, &call)
				if err != nil {
					t.Fatal(err)
				}
				want := meaning.decide(&call)
				if got.Return != want.Return {
					t.Fatalf("%s %s (%d) %x: the program says %s, the profile %s (%s)", m.name, m.nameOf(nr), nr, a,
						ActionText(got.Return), ActionText(want.Return), want.Why)
				}
				checks++
			}
		}
	}
	got, err := Eval(f.Prog, f.archs[0].big, &Call{Audit: 0x12345678})
	if err != nil || got.Return != retForeign {
		t.Fatalf("a call of an unknown architecture: %s, %v", ActionText(got.Return), err)
	}
	if checks < 700 {
		t.Fatalf("only %d checks", checks)
	}
}

func TestProgramsMeanWhatProfilesSay(t *testing.T) {
	for name, p := range profiles(t) {
		t.Run(name, func(t *testing.T) {
			if _, warnings, err := Compile(p, "amd64"); err != nil || len(warnings) != 0 && Backend() == "rt" {
				t.Fatalf("warnings %q, error %v", warnings, err)
			}
			f, err := searched(p, "amd64")
			if err != nil {
				t.Fatal(err)
			}
			requireMeaning(t, f, argsOf(p))
		})
	}
}
