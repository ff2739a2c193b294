package main

import (
	"fmt"
	"io"
	"slices"
	"syscall"
	"time"
)

// many is what it costs a contender to have many containers: each is created and started, and stays alive until all
// are; then they are deleted one by one. If a command takes longer the more there are, it shows: a stage tells how many
// were alive.
type many struct {
	Contender string  `json:"contender"`
	Stages    []stage `json:"stages,omitempty"`
	Error     string  `json:"error,omitempty"`
}

// stage is the middle of some containers, up to number N: medians in milliseconds.
type stage struct {
	N         int     `json:"n"`
	Create    float64 `json:"create_ms"`
	CreateCPU float64 `json:"create_cpu_ms"` // user and system time, as of a list: on a busy machine it tells more
	Start     float64 `json:"start_ms"`
	List      float64 `json:"list_ms"` // of N containers
	ListCPU   float64 `json:"list_cpu_ms"`
	ListQuiet float64 `json:"list_quiet_ms"` // list --quiet
	State     float64 `json:"state_ms"`
	Exec      float64 `json:"exec_ms"` // of /bin/true
	Delete    float64 `json:"delete_ms"`
}

const manySamples = 20 // of which a stage is the median

// measureMany asks one contender after the other, so that the containers of one are all that there are.
func (b *bench) measureMany() {
	for _, c := range b.Contenders {
		if isFloor(c.Name) {
			continue
		}
		m := many{Contender: c.Name}
		var err error
		if m.Stages, err = b.many(c); err != nil {
			m.Error = err.Error()
		}
		b.found.Many = append(b.found.Many, m)
	}
}

// many makes b.Containers containers and takes them away.
func (b *bench) many(c contender) (stages []stage, err error) {
	var pids []int
	var create, createCPU, start []float64
	defer func() {
		for i, pid := range pids {
			if pid != 0 && err != nil {
				_ = b.remove(c, containerID(c, i), pid)
			}
		}
	}()
	ends := stageEnds(b.Containers)
	for i := range b.Containers {
		id := containerID(c, i)
		dir, err := b.bundle(id, "default", "sleep", "3600")
		if err != nil {
			return nil, err
		}
		time.Sleep(b.Pause)
		pid, created, err := b.create(c, id, dir)
		if err != nil {
			return nil, err
		}
		pids = append(pids, pid)
		started, err := b.spawn(b.command(c, "start", id))
		if err != nil {
			return nil, err
		}
		create, start = append(create, milliseconds(created.wall)), append(start, milliseconds(started.wall))
		createCPU = append(createCPU, milliseconds(created.cpu))
		if slices.Contains(ends, i+1) {
			s := stage{N: i + 1, Create: lastMedian(create), CreateCPU: lastMedian(createCPU), Start: lastMedian(start)}
			if s.List, s.ListCPU, err = b.repeat(c, "list"); err != nil {
				return nil, err
			}
			if s.ListQuiet, _, err = b.repeat(c, "list", "--quiet"); err != nil {
				return nil, err
			}
			if s.State, _, err = b.repeat(c, "state", id); err != nil {
				return nil, err
			}
			if s.Exec, _, err = b.repeat(c, "exec", id, "/bin/true"); err != nil {
				return nil, err
			}
			stages = append(stages, s)
		}
	}
	return stages, b.unmake(c, pids, stages)
}

// unmake deletes the containers, the last one first, and notes what that cost.
func (b *bench) unmake(c contender, pids []int, stages []stage) error {
	var took []float64
	for i, pid := range slices.Backward(pids) {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			return fmt.Errorf("kill %d: %w", pid, err)
		}
		if err := wait(pid, nil, nil); err != nil {
			return fmt.Errorf("wait for %d: %w", pid, err)
		}
		pids[i] = 0
		time.Sleep(b.Pause)
		s, err := b.spawn(b.command(c, "delete", containerID(c, i)))
		if err != nil {
			return err
		}
		took = append(took, milliseconds(s.wall))
		for k := range stages {
			if i == max(0, stages[k].N-manySamples) {
				stages[k].Delete = lastMedian(took)
			}
		}
	}
	return nil
}

// repeat has the median times of a command.
func (b *bench) repeat(c contender, args ...string) (wall, cpu float64, err error) {
	var walls, cpus []float64
	for range manySamples {
		time.Sleep(b.Pause)
		s, err := b.spawn(b.command(c, args...))
		if err != nil {
			return 0, 0, err
		}
		walls, cpus = append(walls, milliseconds(s.wall)), append(cpus, milliseconds(s.cpu))
	}
	return lastMedian(walls), lastMedian(cpus), nil
}

// stageEnds are the numbers of containers at which stages end: the last one is all.
func stageEnds(n int) []int {
	ends := []int{manySamples, 200, 1000}
	return append(slices.DeleteFunc(ends, func(end int) bool { return end >= n }), n)
}

// lastMedian is the median of the last samples.
func lastMedian(list []float64) float64 {
	last := slices.Clone(list[max(0, len(list)-manySamples):])
	slices.Sort(last)
	n := len(last)
	return (last[(n-1)/2] + last[n/2]) / 2
}

func printMany(out io.Writer, mode string, list []many) {
	fmt.Fprintf(out, "\nmany containers, cgroup %s: medians of %d, the first columns for the last ones up to so many "+
		"alive\n", mode, manySamples)
	fmt.Fprintf(out, "  %-8s %6s %8s %8s %8s %8s %8s %8s %8s %8s %8s %8s\n", "", "alive", "create", "cpu", "start",
		"state", "exec", "delete", "list", "cpu", "cpu/each", "list -q")
	for _, m := range list {
		if m.Error != "" {
			fmt.Fprintf(out, "  %-8s left out: %s\n", m.Contender, m.Error)
			continue
		}
		for _, s := range m.Stages {
			fmt.Fprintf(out, "  %-8s %6d %8.2f %8.2f %8.2f %8.2f %8.2f %8.2f %8.2f %8.2f %8.3f %8.2f\n",
				m.Contender, s.N, s.Create, s.CreateCPU, s.Start, s.State, s.Exec,
				s.Delete, s.List, s.ListCPU, s.ListCPU/float64(s.N), s.ListQuiet)
		}
	}
}
