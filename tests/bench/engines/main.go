// Command engines measures what a user waits for: docker run --rm, podman run --rm and ctr run --rm of /bin/true, with
// rt, runc and crun in turn.
//
// It starts daemons of its own, and so wants to be in a world of its own: tests/engines/private. It loads one image
// into all engines, measures the engine's whole command, and prints least, median and mean time for each runtime, and
// the ratio of its median to runc's. In each round every runtime has one turn, in a newly shuffled order. A
// runtime whose command fails is left out of that table, which says why.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// contender is a runtime to measure.
type contender struct {
	name, path, version string
}

// workload is a command of an engine that runs one container.
type workload struct {
	engine, title string
	command       func(c contender, id string) []string
}

const image = "docker.io/library/bench:latest"

var workloads = []workload{
	{"docker", "docker run --rm", func(c contender, _ string) []string {
		return []string{"docker", "run", "--rm", "--runtime", dockerName(c), image, "/bin/true"}
	}},
	{"docker", "docker run --rm --network none", func(c contender, _ string) []string {
		return []string{"docker", "run", "--rm", "--network", "none", "--runtime", dockerName(c), image, "/bin/true"}
	}},
	{"podman", "podman run --rm", func(c contender, _ string) []string {
		return []string{"podman", "--runtime", c.path, "run", "--rm", "--network", "bridge", image, "/bin/true"}
	}},
	{"podman", "podman run --rm --network none", func(c contender, _ string) []string {
		return []string{"podman", "--runtime", c.path, "run", "--rm", "--network", "none", image, "/bin/true"}
	}},
	{"ctr", "ctr run --rm", func(c contender, id string) []string {
		return []string{"ctr", "run", "--rm", "--runc-binary", c.path, image, id, "/bin/true"}
	}},
}

// dockerName is the name that the daemon has for a runtime; runc is one it has by itself, of another path.
func dockerName(c contender) string { return "bench-" + c.name }

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "engines:", err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	flags := flag.NewFlagSet("engines", flag.ContinueOnError)
	rounds := flags.Int("rounds", 20, "how often each runtime does each workload")
	pause := flags.Duration("pause", 100*time.Millisecond, "how long the machine rests before each turn")
	only := flags.String("only", "", "one engine: docker, podman or ctr")
	paths := map[string]*string{}
	for _, c := range []contender{
		{name: "rt", path: "./rt"},
		{name: "runc", path: "runc"},
		{name: "crun", path: "crun"},
	} {
		paths[c.name] = flags.String(c.name, c.path, "the "+c.name+" to measure; empty leaves it out")
	}
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *rounds < 1 || flags.NArg() > 0 {
		return errors.New("wanted options, and -rounds above 0")
	}

	var field []contender
	for _, name := range []string{"rt", "runc", "crun"} {
		c, err := find(name, *paths[name])
		if err != nil {
			fmt.Fprintf(out, "%s is left out: %v\n", name, err)
			continue
		}
		field = append(field, c)
		fmt.Fprintf(out, "%-5s %s\n", c.name, c.version)
	}
	w, err := newWorld(field)
	if err != nil {
		return err
	}
	defer w.close()
	fmt.Fprintln(out, w.versions())
	for _, load := range workloads {
		if *only == "" || *only == load.engine {
			measure(load, field, *rounds, *pause).print(out)
		}
	}
	return nil
}

// find returns a contender with its absolute path and the first line of its --version.
func find(name, path string) (c contender, err error) {
	if path == "" {
		return c, errors.New("no path is given")
	}
	if path, err = exec.LookPath(path); err != nil {
		return c, err
	}
	if path, err = filepath.Abs(path); err != nil {
		return c, err
	}
	text, err := exec.Command(path, "--version").Output()
	if err != nil {
		return c, fmt.Errorf("%s --version: %w", path, err)
	}
	version, _, _ := strings.Cut(string(text), "\n")
	return contender{name, path, version}, nil
}

// table has the times of a workload, one list for each runtime.
type table struct {
	title string
	field []contender
	times map[string][]time.Duration
	fault map[string]error
}

// measure has every runtime do a workload in turn. The first round warms caches up and does not count.
func measure(load workload, field []contender, rounds int, pause time.Duration) *table {
	t := &table{load.title, field, map[string][]time.Duration{}, map[string]error{}}
	turns := slices.Clone(field)
	random := rand.New(rand.NewPCG(1, 2)) // the same order on every run
	for round := range rounds + 1 {
		random.Shuffle(len(turns), func(i, j int) { turns[i], turns[j] = turns[j], turns[i] })
		for _, c := range turns {
			if t.fault[c.name] != nil {
				continue
			}
			time.Sleep(pause)
			argv := load.command(c, fmt.Sprintf("%s-%d", c.name, round))
			began := time.Now()
			output, err := exec.Command(argv[0], argv[1:]...).CombinedOutput()
			took := time.Since(began)
			switch {
			case err != nil:
				t.fault[c.name] = fmt.Errorf("%s: %w: %s", strings.Join(argv, " "), err,
					strings.TrimSpace(string(output)))
			case round > 0:
				t.times[c.name] = append(t.times[c.name], took)
			}
		}
	}
	return t
}

func (t *table) print(out io.Writer) {
	fmt.Fprintf(out, "\n%s\n%-6s %8s %8s %8s   %s\n", t.title, "", "min ms", "median", "mean", "median / runc")
	base := median(t.times["runc"])
	for _, c := range t.field {
		if err := t.fault[c.name]; err != nil {
			fmt.Fprintf(out, "%-6s %v\n", c.name, err)
			continue
		}
		list := t.times[c.name]
		var sum time.Duration
		for _, d := range list {
			sum += d
		}
		ratio := "-"
		if base > 0 {
			ratio = fmt.Sprintf("%.2f", float64(median(list))/float64(base))
		}
		fmt.Fprintf(out, "%-6s %8.1f %8.1f %8.1f   %s\n", c.name, ms(slices.Min(list)), ms(median(list)),
			ms(sum/time.Duration(len(list))), ratio)
	}
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// median of none is 0.
func median(list []time.Duration) time.Duration {
	if len(list) == 0 {
		return 0
	}
	list = slices.Sorted(slices.Values(list))
	n := len(list)
	return (list[(n-1)/2] + list[n/2]) / 2
}
