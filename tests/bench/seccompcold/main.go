// Seccompcold compiles one profile once, in a process that has done nothing else, and prints how long that took and
// what the program costs per call. Build it with and without the tag libseccomp for the two side by side:
//
//	go build -o own ./tests/bench/seccompcold
//	CGO_ENABLED=1 go build -tags libseccomp -o theirs ./tests/bench/seccompcold
//	seccompcold [-warm N] PROFILE
//
// PROFILE is the linux.seccomp of a config.json. Reading it is not timed: rt has its own decoder for that. With -warm
// the compile is repeated and the mean of the repetitions is printed too, to tell what of the cold time is the price of
// touching code and tables for the first time.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"runtime"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rt/seccomp"
)

func main() {
	warm := flag.Int("warm", 0, "then compile it so often again")
	flag.Parse()
	if flag.NArg() != 1 {
		log.Fatal("usage: seccompcold [-warm N] PROFILE")
	}
	b, err := os.ReadFile(flag.Arg(0))
	if err != nil {
		log.Fatal(err)
	}
	p := new(specs.LinuxSeccomp)
	if err := json.Unmarshal(b, p); err != nil {
		log.Fatal(err)
	}
	begin := time.Now()
	f, _, err := seccomp.Compile(p, runtime.GOARCH)
	cold := time.Since(begin)
	if err != nil {
		log.Fatal(err)
	}
	st := f.Stats()
	fmt.Printf("cold %d ns by %s: %d instructions; %.1f executed per allowed call, %.1f per hot one, %d at worst "+
		"(%s)\n",
		cold.Nanoseconds(), seccomp.Backend(), st.Length, st.AverageAllowed, st.AverageHot, st.Worst, st.WorstCall)
	if *warm > 0 {
		begin = time.Now()
		for range *warm {
			if _, _, err = seccomp.Compile(p, runtime.GOARCH); err != nil {
				log.Fatal(err)
			}
		}
		fmt.Printf("warm %d ns\n", time.Since(begin).Nanoseconds()/int64(*warm))
	}
}
