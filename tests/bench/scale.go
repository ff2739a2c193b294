package main

import (
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// growth is what a contender's `run` costs more, the more there is of one thing.
type growth struct {
	Subject   string    `json:"subject"`
	Contender string    `json:"contender"`
	Sizes     []int     `json:"sizes"`
	Least     []float64 `json:"least_ms"` // wall clock, of some rounds
	CPU       []float64 `json:"cpu_ms"`   // user and system time, least
	// Exponent is that of the size in the processor time, which a busy machine changes least, between the last two
	// sizes: 1 is in proportion, 2 a quadratic algorithm. What the first size costs is taken off, since it is mostly
	// what does not grow. 0 if there is no growth to speak of.
	Exponent float64 `json:"exponent"`
	Error    string  `json:"error,omitempty"`
}

// subject is one thing of which a config can have many.
type subject struct {
	name  string
	sizes []int
	grow  func(config map[string]any, n int)
}

// maskedDir holds the files that the subject "masked paths" masks: a path that does not exist would cost nothing.
const maskedDir = "masked"

var (
	hundreds = []int{10, 100, 1000}
	subjects = []subject{
		{"mounts", hundreds, func(c map[string]any, n int) {
			c["mounts"] = appendMany(c["mounts"], n, func(i string) any {
				return map[string]any{"destination": "/tmp/" + i, "type": "tmpfs", "source": "tmpfs"}
			})
		}},
		{"devices", hundreds, func(c map[string]any, n int) {
			linux := c["linux"].(map[string]any)
			linux["devices"] = appendMany(linux["devices"], n, func(i string) any {
				return map[string]any{"path": "/dev/x" + i, "type": "c", "major": 1, "minor": 3}
			})
		}},
		{"variables", hundreds, func(c map[string]any, n int) {
			process := c["process"].(map[string]any)
			process["env"] = appendMany(process["env"], n, func(i string) any { return "V" + i + "=" + i })
		}},
		{"masked paths", hundreds, func(c map[string]any, n int) {
			linux := c["linux"].(map[string]any)
			linux["maskedPaths"] = appendMany(linux["maskedPaths"], n, func(i string) any {
				return "/" + maskedDir + "/" + i
			})
		}},
		{"annotations", hundreds, func(c map[string]any, n int) {
			annotations := make(map[string]any, n)
			for i := range n {
				annotations["com.example."+strconv.Itoa(i)] = "value"
			}
			c["annotations"] = annotations
		}},
		// The kernel takes 4096 instructions, and comparing an argument is at least three.
		{"seccomp rules", []int{10, 100, 500}, func(c map[string]any, n int) {
			c["linux"].(map[string]any)["seccomp"] = map[string]any{
				"defaultAction": "SCMP_ACT_ALLOW",
				"syscalls": appendMany(nil, n, func(i string) any {
					value, _ := strconv.Atoi(i)
					return map[string]any{
						"names": []string{"personality"}, "action": "SCMP_ACT_ERRNO",
						"args": []any{map[string]any{"index": 0, "value": value + 1000, "op": "SCMP_CMP_EQ"}},
					}
				}),
			}
		}},
	}
)

func appendMany(list any, n int, one func(i string) any) []any {
	all, _ := list.([]any)
	for i := range n {
		all = append(all, one(strconv.Itoa(i)))
	}
	return all
}

// measureScale measures each subject, containers that are alive, and starts at once. All contenders take turns.
func (b *bench) measureScale() error {
	dir := filepath.Join(b.rootfs, maskedDir)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for i := range slices.Max(hundreds) {
		if err := os.WriteFile(filepath.Join(dir, strconv.Itoa(i)), nil, 0o644); err != nil {
			return err
		}
	}
	for _, s := range subjects {
		b.measureGrowth(s.name, s.sizes, func(c contender, n int) (sample, error) {
			id := containerID(c, 0)
			bundle, err := b.bundleOf(id, strings.ReplaceAll(s.name, " ", "-"), bundle{
				config: defaultConfig, args: []string{"/bin/true"}, cgroup: "/" + id,
				change: func(config map[string]any) { s.grow(config, n) },
			})
			if err != nil {
				return sample{}, err
			}
			return b.spawn(b.command(c, "run", "--bundle", bundle, id))
		})
	}
	b.measureGrowth("starts at once", []int{1, 8, 64}, b.runAtOnce)
	return nil
}

// measureGrowth lets the contenders do something of each size in turn. Too few rounds for a median that says something:
// the least time is what counts.
func (b *bench) measureGrowth(name string, sizes []int, do func(c contender, n int) (sample, error)) {
	rounds := min(b.Rounds, 10)
	var field []*growth
	for _, c := range b.Contenders {
		field = append(field, &growth{Subject: name, Contender: c.Name, Sizes: sizes})
	}
	for _, n := range sizes {
		for round := range rounds {
			for i, g := range field {
				if g.Error != "" || isFloor(g.Contender) {
					continue
				}
				time.Sleep(b.Pause)
				s, err := do(b.Contenders[i], n)
				if err != nil {
					g.Error = fmt.Sprintf("with %d: %v", n, err)
					continue
				}
				wall, cpu := milliseconds(s.wall), milliseconds(s.cpu)
				if round == 0 {
					g.Least, g.CPU = append(g.Least, wall), append(g.CPU, cpu)
					continue
				}
				last := len(g.Least) - 1
				g.Least[last], g.CPU[last] = min(g.Least[last], wall), min(g.CPU[last], cpu)
			}
		}
	}
	for _, g := range field {
		if !isFloor(g.Contender) {
			g.Exponent = exponent(sizes, g.CPU)
			b.found.Growth = append(b.found.Growth, *g)
		}
	}
}

// exponent returns that of the size in the cost, between the last two sizes; 0 if the second size costs hardly more
// than the first one, so that chance would tell.
func exponent(sizes []int, cost []float64) float64 {
	const more = 1.05
	n := len(sizes)
	if n < 3 || len(cost) != n || cost[n-2] <= more*cost[0] || cost[n-1] <= more*cost[n-2] {
		return 0
	}
	size := float64(sizes[n-1]-sizes[0]) / float64(sizes[n-2]-sizes[0])
	return math.Log((cost[n-1]-cost[0])/(cost[n-2]-cost[0])) / math.Log(size)
}

// runAtOnce starts n runs at once, and returns what all of them took together.
func (b *bench) runAtOnce(c contender, n int) (sample, error) {
	commands := make([][]string, n)
	for i := range n {
		id := containerID(c, i)
		bundle, err := b.bundle(id, "default", "/bin/true")
		if err != nil {
			return sample{}, err
		}
		commands[i] = b.command(c, "run", "--bundle", bundle, id)
	}
	begin := time.Now()
	var total sample
	var failed error
	var pids []int
	for _, argv := range commands {
		pid, err := syscall.ForkExec(argv[0], argv, &b.stdio)
		if err != nil {
			failed = fmt.Errorf("%s: %w", argv[0], err)
			break
		}
		pids = append(pids, pid)
	}
	for _, pid := range pids {
		var status syscall.WaitStatus
		var usage syscall.Rusage
		if err := wait(pid, &status, &usage); err != nil {
			return total, err
		}
		total.cpu += time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
		if !status.Exited() || status.ExitStatus() != 0 {
			failed = b.failure(status)
		}
	}
	total.wall = time.Since(begin)
	return total, failed
}

func printGrowth(out io.Writer, mode string, list []growth) {
	fmt.Fprintf(out, "\ncost of a run against size, cgroup %s: least milliseconds of wall clock and of processor "+
		"time, and the exponent of the last two sizes\n", mode)
	subject := ""
	for _, g := range list {
		if g.Subject != subject {
			subject = g.Subject
			fmt.Fprintf(out, "  %-16s", subject)
			for _, n := range g.Sizes {
				fmt.Fprintf(out, " %17d", n)
			}
			fmt.Fprintf(out, " %8s\n", "exponent")
		}
		fmt.Fprintf(out, "    %-14s", g.Contender)
		for i := range g.Least {
			fmt.Fprintf(out, " %8.2f %8.2f", g.Least[i], g.CPU[i])
		}
		if g.Error != "" {
			fmt.Fprintf(out, " left out: %s\n", g.Error)
			continue
		}
		fmt.Fprintf(out, " %8.2f\n", g.Exponent)
	}
}
