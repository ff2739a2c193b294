package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"regexp"
	"time"

	"golang.org/x/sys/unix"

	"rt/tests/internal/criu"
)

func main() {
	if criu.Run() {
		return
	}
	if os.Getenv("MUTANTS_WORLD") != "" {
		os.Exit(inWorld(os.Args[1], os.Args[2], os.Args[3], os.Args[4]))
	}
	sample := flag.Int("sample", 1, "judge one mutant in N only, the same ones each time")
	each := flag.Bool("each", false,
		"judge each change in each step of each scenario, and not only until one shows it: hours")
	only := flag.String("scenario", "", "only the scenarios whose names this regular expression matches")
	steps := flag.String("step", "",
		"only the mutants of steps whose line in the report this regular expression matches")
	attacks := flag.Bool("attacks", false, "attack rt with and without each of its defences, too: tests/attack")
	report := flag.String("report", "", "a file for the table")
	unseen := flag.String("unseen", "tests/mutants/unseen.txt", "the mutants that nothing can see")
	verbose := flag.Bool("v", false, "print all facts that differ")
	flag.Parse()
	scenario, err := regexp.Compile(*only)
	if err == nil {
		var step *regexp.Regexp
		if step, err = regexp.Compile(*steps); err == nil {
			r := rig{options: options{
				every: max(*sample, 1), each: *each, attacked: *attacks, scenario: scenario, step: step,
				report: *report, verbose: *verbose,
			}}
			err = r.run(*unseen)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(1)
	}
}

// inWorld is the first process of a world: it runs a scenario, and prints the facts.
func inWorld(name, base, id, mutant string) int {
	// If it is ended, so is the world.
	_ = unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0)
	if d, err := time.ParseDuration(os.Getenv("MUTANTS_WORLD")); err == nil {
		patience = d
	}
	for i := range scenarios {
		if scenarios[i].name != name {
			continue
		}
		w, err := begin(&scenarios[i], base, id, mutant)
		if err != nil {
			fmt.Fprintln(os.Stderr, "mutants: a world can't be made:", err)
			return 1
		}
		w.live(w)
		w.left()
		_ = json.NewEncoder(os.Stdout).Encode(w.facts)
		return 0
	}
	fmt.Fprintln(os.Stderr, "mutants: no scenario", name)
	return 1
}
