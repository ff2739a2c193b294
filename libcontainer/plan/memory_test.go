package plan

import (
	"encoding/json"
	"os"
	"runtime"
	"strconv"
	"testing"
	"unsafe"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"rt/nsenter"
	"rt/spec"
)

// allocated returns how many bytes do allocates on the heap.
func allocated(do func()) uint64 {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	do()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// A create, run or exec compiles once, on a heap that is all new: each 4 kB that it touches is a page fault, and takes
// longer than to compute what is put there. The limits are a little above what the compiler needs.
func TestMemory(t *testing.T) {
	if step, arg := unsafe.Sizeof(nsenter.Step{}), unsafe.Sizeof(nsenter.Arg{}); step > 96 || arg > 24 {
		t.Errorf("a step has %d bytes, an operand %d", step, arg)
	}
	docker, err := os.ReadFile("../../tests/bench/testdata/docker.json")
	if err != nil {
		t.Fatal(err)
	}
	standard, err := json.Marshal(spec.Default(spec.DefaultOptions{}))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		config []byte
		limit  uint64 // of Compile
		whole  uint64 // of Parse, Compile and Assemble
	}{"default": {standard, 103 << 10, 150 << 10}, "docker": {docker, 118 << 10, 200 << 10}} {
		t.Run(name, func(t *testing.T) {
			s, err := spec.Parse(c.config, "/bundle", spec.LoadOptions{})
			if err != nil {
				t.Fatal(err)
			}
			f := modern()
			o := options(s, &f)
			o.Wait = false
			var p *Plan
			compiled := allocated(func() {
				if p, err = Compile(s, &f, o); err != nil {
					t.Fatal(err)
				}
			})
			t.Logf("%d steps of %d, of %d bytes, compiled with %d bytes",
				len(p.Steps), cap(p.Steps), unsafe.Sizeof(p.Steps[0]), compiled)
			if compiled > c.limit {
				t.Errorf("Compile allocates %d bytes, want at most %d", compiled, c.limit)
			}
			var s2 *spec.Spec
			whole := compiled + allocated(func() {
				if s2, err = spec.Parse(c.config, "/bundle", spec.LoadOptions{}); err != nil {
					t.Fatal(err)
				}
			}) + allocated(func() {
				if _, err = nsenter.Assemble(&p.Program); err != nil {
					t.Fatal(err)
				}
			})
			runtime.KeepAlive(s2)
			t.Logf("with Parse and Assemble %d bytes", whole)
			if whole > c.whole {
				t.Errorf("Parse, Compile and Assemble allocate %d bytes, want at most %d", whole, c.whole)
			}
		})
	}
}

// A plan of hundreds of mounts has megabytes of steps, and an image as large. What outgrows its array is copied into
// pages that are all new, so the room for both is computed beforehand.
func TestMemoryOfManyMounts(t *testing.T) {
	many := map[string]func(s *specs.Spec, name string){
		"tmpfs": func(s *specs.Spec, name string) {
			s.Mounts = append(s.Mounts, specs.Mount{Destination: "/tmp/" + name, Type: "tmpfs", Source: "tmpfs"})
		},
		"bind": func(s *specs.Spec, name string) {
			s.Mounts = append(s.Mounts, specs.Mount{
				Destination: "/tmp/" + name, Type: "bind", Source: "/tmp", Options: []string{"rbind", "ro"},
			})
		},
		"masked": func(s *specs.Spec, name string) {
			s.Linux.MaskedPaths = append(s.Linux.MaskedPaths, "/masked/"+name)
		},
		"device": func(s *specs.Spec, name string) {
			s.Linux.Devices = append(s.Linux.Devices,
				specs.LinuxDevice{Path: "/dev/" + name, Type: "c", Major: 1, Minor: 3})
		},
	}
	for kind, add := range many {
		t.Run(kind, func(t *testing.T) {
			config := spec.Default(spec.DefaultOptions{})
			for i := range 500 {
				add(config, strconv.Itoa(i))
			}
			text, err := json.Marshal(config)
			if err != nil {
				t.Fatal(err)
			}
			s, err := spec.Parse(text, "/bundle", spec.LoadOptions{})
			if err != nil {
				t.Fatal(err)
			}
			f := modern()
			o := options(s, &f)
			o.Wait = false
			p, err := Compile(s, &f, o)
			if err != nil {
				t.Fatal(err)
			}
			if steps, room := len(p.Steps), cap(p.Steps); room < steps || room > steps+steps/4 {
				t.Errorf("room for %d steps, of which there are %d", room, steps)
			}
			image, err := nsenter.Assemble(&p.Program)
			if err != nil {
				t.Fatal(err)
			}
			if size, room := len(image), cap(image); room > size+size/4 {
				t.Errorf("room for %d bytes of an image of %d", room, size)
			}
			assembled := allocated(func() { _, _ = nsenter.Assemble(&p.Program) })
			if wanted := uint64(len(image) + len(image)/4); assembled > wanted {
				t.Errorf("Assemble allocates %d bytes for an image of %d", assembled, len(image))
			}
		})
	}
}
