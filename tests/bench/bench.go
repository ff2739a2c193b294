// Command bench measures container runtimes side by side: the floor, rt, crun and runc do the same work in turn.
//
// It turns bundles, made on the spot, into a table for each workload: least, median and mean time of a whole process,
// its processor time, and the ratios of the medians to crun's and to the floor's. The floor (floor.c) is the kernel's
// own share. People run it, through "make bench" or "go run ./tests/bench"; no test depends on its figures. It refuses
// to time what failed: a runtime whose command fails is left out of that table, and the table says why.
//
// Every cgroup mode is measured by a bench of its own (see world.go). README.md tells how to read and repeat the
// figures.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

// options are the command line, and what a bench passes to the benches it starts.
type options struct {
	Rounds     int
	Containers int           // how many containers `list` lists, and "many" makes
	Pause      time.Duration // before each turn
	Only       string
	Mode       string // v1 or v2; empty means both, as far as the machine has them
	Contenders []contender
	Tools      tools
}

// report is everything that was measured, as -json writes it.
type report struct {
	Kernel     string      `json:"kernel"`
	Processor  string      `json:"processor"`
	CPUs       int         `json:"cpus"`
	Contenders []contender `json:"contenders"`
	Modes      []*measured `json:"modes"`
}

// measured is what one bench in one cgroup mode found.
type measured struct {
	Mode   string   `json:"mode"`
	Tables []table  `json:"tables"`
	Many   []many   `json:"many,omitempty"`
	Memory []memory `json:"memory"`
	Growth []growth `json:"growth,omitempty"`
	Notes  []string `json:"notes,omitempty"`
}

func main() {
	if os.Getenv(innerEnv) != "" {
		exit(inner(os.Stdin, os.Stdout))
	}
	exit(run(os.Args[1:], os.Stdout))
}

func exit(err error) {
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

func run(args []string, out io.Writer) error {
	var o options
	var jsonFile string
	paths := map[string]*string{}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.IntVar(&o.Rounds, "rounds", 100, "how often each runtime does each workload")
	flags.IntVar(&o.Containers, "containers", 200, "how many containers the workloads list and many make")
	flags.DurationVar(&o.Pause, "pause", 30*time.Millisecond, "how long the machine rests before each turn")
	flags.StringVar(&o.Only, "only", "", "one workload: "+strings.Join(workloadNames(), ", ")+", many, memory, scale")
	flags.StringVar(&o.Mode, "mode", "", "one cgroup mode: v1 or v2")
	flags.StringVar(&jsonFile, "json", "", "also write the figures to this file")
	for _, c := range []contender{
		{Name: "rt", Path: "./rt"},
		{Name: "crun", Path: "crun"},
		{Name: "runc", Path: "runc"},
	} {
		paths[c.Name] = flags.String(c.Name, c.Path, "the "+c.Name+" to measure; empty leaves it out")
	}
	var others []contender
	flags.Func("also", "one more runtime, as NAME=PATH; may be repeated", func(s string) error {
		name, path, ok := strings.Cut(s, "=")
		if !ok || name == "" || strings.Contains(name, "/") {
			return errors.New("wanted NAME=PATH, such as crun-1.8=/usr/bin/crun")
		}
		others = append(others, contender{Name: name, Path: path})
		return nil
	})
	if err := flags.Parse(args); err != nil {
		return err
	}
	if err := o.check(flags.Args()); err != nil {
		return err
	}

	dir, err := os.MkdirTemp("", "rt-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	// Where nothing of C takes part, no compiler is needed: in a small virtual machine there is none.
	if w := findWorkload(o.Only); o.Only == "" || o.Only == "memory" || w != nil && w.floor {
		if o.Tools, err = buildTools(dir); err != nil {
			return err
		}
		o.Contenders = append(o.Contenders, contender{
			Name: floorName, Path: o.Tools.Floor,
			Version: "the kernel's own cost, see floor.c",
		}, contender{
			Name: goFloorName, Path: o.Tools.GoFloor,
			Version: "the floor, started by an empty Go program, see gofloor",
		})
	}
	for _, name := range []string{"rt", "crun", "runc"} {
		o.Contenders = appendInstalled(out, dir, o.Contenders, contender{Name: name, Path: *paths[name]})
	}
	for _, c := range others {
		o.Contenders = appendInstalled(out, dir, o.Contenders, c)
	}

	r := &report{Kernel: kernelRelease(), Processor: processor(), CPUs: runtime.NumCPU(), Contenders: o.Contenders}
	r.printHead(out)
	for _, mode := range modes(o.Mode) {
		m, err := measureIn(mode, o, dir)
		if err != nil {
			return fmt.Errorf("cgroup %s: %w", mode, err)
		}
		r.Modes = append(r.Modes, m)
		m.print(out)
	}
	if len(r.Modes) == 0 {
		return fmt.Errorf("this machine has no cgroup %s", o.Mode)
	}
	if jsonFile == "" {
		return nil
	}
	text, err := json.MarshalIndent(r, "", "\t")
	if err != nil {
		return err
	}
	return os.WriteFile(jsonFile, append(text, '\n'), 0o644)
}

func (o *options) check(rest []string) error {
	switch {
	case len(rest) > 0:
		return fmt.Errorf("unexpected argument %q", rest[0])
	case o.Rounds < 1 || o.Containers < 1:
		return errors.New("-rounds and -containers want a number above 0")
	case o.Mode != "" && o.Mode != "v1" && o.Mode != "v2":
		return fmt.Errorf("-mode %q: wanted v1 or v2", o.Mode)
	case o.Only != "" && !slices.Contains([]string{"many", "memory", "scale"}, o.Only) && findWorkload(o.Only) == nil:
		return fmt.Errorf("-only %q: wanted one of %s, many, memory, scale",
			o.Only, strings.Join(workloadNames(), ", "))
	case os.Geteuid() != 0:
		return errors.New("wants root: it makes cgroups and mount namespaces, and so do the runtimes")
	}
	return nil
}

// appendInstalled adds c if its program exists, with the path of a copy below dir and the first line of its --version.
// What a linker has just written lies in the page cache in small pieces and starts 5% slower than the same file once it
// is copied, as those of packages are.
func appendInstalled(out io.Writer, dir string, list []contender, c contender) []contender {
	if c.Path == "" {
		return list
	}
	path, err := exec.LookPath(c.Path)
	if err != nil {
		fmt.Fprintf(out, "%s is left out: %v\n", c.Name, err)
		return list
	}
	if c.Path, err = install(path, filepath.Join(dir, c.Name)); err != nil {
		fmt.Fprintf(out, "%s is left out: %v\n", c.Name, err)
		return list
	}
	text, err := exec.Command(c.Path, "--version").Output()
	if err != nil {
		fmt.Fprintf(out, "%s is left out: %s --version: %v\n", c.Name, c.Path, err)
		return list
	}
	c.Version, _, _ = strings.Cut(string(text), "\n")
	return append(list, c)
}

// install copies a program into a directory of its own, under its own name.
func install(path, dir string) (string, error) {
	program, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		return "", err
	}
	copied := filepath.Join(dir, filepath.Base(path))
	return copied, os.WriteFile(copied, program, 0o755)
}

func kernelRelease() string {
	var u syscall.Utsname
	if err := syscall.Uname(&u); err != nil {
		return "unknown"
	}
	var b strings.Builder
	for _, c := range u.Release {
		if c == 0 {
			break
		}
		b.WriteByte(byte(c))
	}
	return b.String()
}

// processor is the model name of /proc/cpuinfo, which not every architecture tells.
func processor() string {
	text, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(text)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}
