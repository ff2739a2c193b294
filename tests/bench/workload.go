package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// workload is something every contender does in turn, once a round. Taking turns spreads whatever the machine does
// besides evenly over all of them.
type workload struct {
	name, title string
	parts       []string // what a round is made of, where it is more than one process
	floor       bool     // the floor takes part
	mostRounds  int      // 0: as many as asked for
	begin       func(*bench, contender) (worker, error)
}

// worker does a workload for one contender.
type worker struct {
	round func() ([]sample, error) // one sample for each part, or a single one
	end   func() error             // undoes begin; nil if there is nothing to undo
}

var workloads = []*workload{
	{name: "run-default", title: "run /bin/true, default config", floor: true, begin: beginRun("default")},
	{name: "run-docker", title: "run /bin/true, Docker config", floor: true, begin: beginRun("docker")},
	{name: "run-limits", title: "run /bin/true, default config with limits", begin: beginLimits},
	{name: "update", title: "update of the limits of a running container", begin: beginUpdate},
	{
		name: "lifecycle", title: "create + start + delete, default config",
		parts: []string{"create", "start", "delete"},
		begin: beginLifecycle,
	},
	{name: "state", title: "state of a created container", begin: beginState},
	{name: "exec", title: "exec /bin/true in a running container", begin: beginExec},
	{name: "list", title: "list", mostRounds: 30, begin: beginList},
}

func workloadNames() (names []string) {
	for _, w := range workloads {
		names = append(names, w.name)
	}
	return names
}

func findWorkload(name string) *workload {
	for _, w := range workloads {
		if w.name == name {
			return w
		}
	}
	return nil
}

func beginRun(config string) func(*bench, contender) (worker, error) {
	return func(b *bench, c contender) (worker, error) {
		argv, err := b.runCommand(c, config, "/bin/true")
		return worker{round: func() ([]sample, error) {
			s, err := b.spawn(argv)
			return []sample{s}, err
		}}, err
	}
}

func beginLimits(b *bench, c contender) (worker, error) {
	if err := b.canLimit(); err != nil {
		return worker{}, err
	}
	return beginRun("limits")(b, c)
}

// beginUpdate changes all of the limits with one command. The values differ from those of the round before: what is so
// already might be left.
func beginUpdate(b *bench, c contender) (worker, error) {
	if err := b.canLimit(); err != nil {
		return worker{}, err
	}
	w, err := beginWith(b, c, 1, true, "state", containerID(c, 0))
	n := 0
	w.round = func() ([]sample, error) {
		n++
		odd := strconv.Itoa(n % 2)
		s, err := b.spawn(b.command(c, "update", "--memory", strconv.Itoa(512<<20+n%2<<12), "--memory-reservation",
			"268435456", "--memory-swap", "1073741824",
			"--cpu-share", "51"+odd, "--cpu-period", "100000", "--cpu-quota", "15"+odd+"000",
			"--cpuset-cpus", "0", "--pids-limit", "10"+odd, containerID(c, 0)))
		return []sample{s}, err
	}
	return w, err
}

// canLimit tells whether this mode has the controllers that limits takes.
func (b *bench) canLimit() error {
	if b.Mode == "v1" {
		return nil
	}
	text, err := os.ReadFile(cgroupRoot + "/cgroup.controllers")
	if err != nil {
		return err
	}
	for _, controller := range []string{"memory", "cpu", "cpuset", "pids"} {
		if !slices.Contains(strings.Fields(string(text)), controller) {
			return fmt.Errorf("the cgroup2 of this machine has no controller %s", controller)
		}
	}
	return nil
}

func beginLifecycle(b *bench, c contender) (worker, error) {
	id := containerID(c, 0)
	dir, err := b.bundle(id, "default", "/bin/true")
	return worker{round: func() ([]sample, error) {
		pid, created, err := b.create(c, id, dir)
		if err != nil {
			return nil, err
		}
		started, err := b.spawn(b.command(c, "start", id))
		if err != nil {
			return nil, err
		}
		if err := wait(pid, nil, nil); err != nil { // not timed: this is /bin/true, and whoever sees its end first
			return nil, fmt.Errorf("wait for %d: %w", pid, err)
		}
		deleted, err := b.spawn(b.command(c, "delete", id))
		return []sample{created, started, deleted}, err
	}}, err
}

// beginWith makes n containers that would sleep, starts them if asked to, and repeats one command.
func beginWith(b *bench, c contender, n int, start bool, args ...string) (worker, error) {
	var pids []int
	w := worker{
		round: func() ([]sample, error) {
			s, err := b.spawn(b.command(c, args...))
			return []sample{s}, err
		},
		end: func() error {
			for i, pid := range pids {
				if err := b.remove(c, containerID(c, i), pid); err != nil {
					return err
				}
			}
			return nil
		},
	}
	for i := range n {
		id := containerID(c, i)
		dir, err := b.bundle(id, "default", "sleep", "3600")
		if err != nil {
			return w, err
		}
		pid, _, err := b.create(c, id, dir)
		if err != nil {
			return w, err
		}
		pids = append(pids, pid)
		if !start {
			continue
		}
		if _, err := b.spawn(b.command(c, "start", id)); err != nil {
			return w, err
		}
	}
	return w, nil
}

func beginState(b *bench, c contender) (worker, error) {
	return beginWith(b, c, 1, false, "state", containerID(c, 0))
}

func beginExec(b *bench, c contender) (worker, error) {
	return beginWith(b, c, 1, true, "exec", containerID(c, 0), "/bin/true")
}

func beginList(b *bench, c contender) (worker, error) {
	return beginWith(b, c, b.Containers, false, "list")
}

// measure does every workload that was asked for.
func (b *bench) measure() {
	for _, w := range workloads {
		if b.Only == "" || b.Only == w.name {
			b.found.Tables = append(b.found.Tables, b.race(w)...)
		}
	}
	if b.Only == "" || b.Only == "many" {
		b.measureMany()
	}
	if b.Only == "" || b.Only == "memory" {
		b.measureMemory()
	}
	if b.Only == "scale" {
		if err := b.measureScale(); err != nil {
			b.note("scale is left out: %v", err)
		}
	}
}

// entrant is a contender in one workload.
type entrant struct {
	contender
	worker
	samples [][]sample // by part
	err     error      // why it takes no further part
}

// race lets all contenders do a workload in turn. One that fails takes no further part, and its row tells why.
func (b *bench) race(w *workload) []table {
	const warmup = 3
	rounds := b.Rounds
	if w.mostRounds > 0 {
		rounds = min(rounds, w.mostRounds)
	}
	var field []*entrant
	for _, c := range b.Contenders {
		if isFloor(c.Name) && !w.floor {
			continue
		}
		e := &entrant{contender: c, samples: make([][]sample, max(1, len(w.parts)))}
		e.worker, e.err = w.begin(b, c)
		field = append(field, e)
	}
	// A container's end is felt after it: the kernel takes down its network and cgroups in the background, and for some
	// milliseconds a write to cgroup.procs is quicker, as it finds the last RCU grace period still open (rcu_sync). So
	// every turn begins after a pause, and no contender always follows the same one.
	order, chance := slices.Clone(field), rand.New(rand.NewPCG(1, 1))
	for i := range warmup + rounds {
		chance.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		for _, e := range order {
			if e.err == nil {
				time.Sleep(b.Pause)
				e.turn(i >= warmup)
			}
		}
	}
	for _, e := range field {
		if e.end == nil {
			continue
		}
		if err := e.end(); err != nil {
			b.note("%s, %s: clean up: %v", w.name, e.Name, err)
		}
	}
	title := w.title
	if w.name == "list" {
		title = fmt.Sprintf("list %d containers", b.Containers)
	}
	return tables(w, title, rounds, field)
}

// turn does one round of one contender; a warm-up does not count.
func (e *entrant) turn(counts bool) {
	parts, err := e.round()
	if err != nil {
		e.err = err
		return
	}
	for i, s := range parts {
		if counts {
			e.samples[i] = append(e.samples[i], s)
		}
	}
}
