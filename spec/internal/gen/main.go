// Command gen writes spec/decode_gen.go: a decode function for each struct of the runtime specification that a Linux
// runtime reads. `go generate` in spec runs it. The sections of other platforms are known by name and skipped.
package main

import (
	"fmt"
	"os"
	"reflect"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"rt/internal/jsonscan/jsongen"
)

func main() {
	source, err := generate()
	if err == nil {
		err = os.WriteFile("decode_gen.go", source, 0o644)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

// generate returns the file.
func generate() ([]byte, error) {
	return jsongen.Source("spec", "rt/spec", []reflect.Type{
		reflect.TypeFor[specs.Spec](),
		reflect.TypeFor[specs.Process](),
		reflect.TypeFor[specs.LinuxResources](),
	}, []reflect.Type{
		reflect.TypeFor[specs.Solaris](),
		reflect.TypeFor[specs.Windows](),
		reflect.TypeFor[specs.VM](),
		reflect.TypeFor[specs.ZOS](),
		reflect.TypeFor[specs.FreeBSD](),
	})
}
