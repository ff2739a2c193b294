// Jsoncold decodes a config.json once, in a process that has done nothing else, with rt's generated decoder or with
// encoding/json, and prints how many nanoseconds that took. `make bench-json` runs it many times.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"rt/spec"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: jsoncold rt|encoding/json CONFIG")
		os.Exit(2)
	}
	raw, err := os.ReadFile(os.Args[2])
	if err != nil {
		fatal(err)
	}
	begin := time.Now()
	switch os.Args[1] {
	case "rt": // decodes and checks
		_, err = spec.Parse(raw, "/bundle", spec.LoadOptions{})
	case "encoding/json": // decodes only
		err = json.Unmarshal(raw, &specs.Spec{})
	default:
		err = fmt.Errorf("no such decoder: %q", os.Args[1])
	}
	took := time.Since(begin)
	if err != nil {
		fatal(err)
	}
	fmt.Println(took.Nanoseconds())
}

func fatal(err error) {
	fmt.Fprintln(os.Stderr, "jsoncold:", err)
	os.Exit(1)
}
