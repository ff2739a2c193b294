// Command gen writes spec/decode_gen.go: a decode function for each struct of the runtime specification that a Linux runtime reads.
package main

import (
	"fmt"
	"os"
	"reflect"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rt/spec/jsonscan/jsongen"
)

func main() {
	source, err := jsongen.Source("spec", "rt/spec", []reflect.Type{
		reflect.TypeFor[specs.Spec](),
		reflect.TypeFor[specs.Process](),
		reflect.TypeFor[specs.LinuxResources](),
		reflect.TypeFor[specs.LinuxSeccomp](),
	}, []reflect.Type{
		reflect.TypeFor[specs.Solaris](),
		reflect.TypeFor[specs.Windows](),
		reflect.TypeFor[specs.VM](),
		reflect.TypeFor[specs.ZOS](),
		reflect.TypeFor[specs.FreeBSD](),
	})
	if err == nil {
		err = os.WriteFile("decode_gen.go", source, 0o644)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}
