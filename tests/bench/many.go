package main

import (
	"fmt"
	"io"
	"slices"
	"syscall"
	"time"
)

// many is what it costs a contender to have many containers: each is created and started, and stays alive until all are; then they are deleted one by one. If a
// command takes longer the more there are, it shows: a stage tells how many were alive.
type many struct {
	Contender string  `json:"contender"`
	Stages    []stage `json:"stages,omitempty"`
	Error     string  `json:"error,omitempty"`
}

// stage is the middle of some containers, up to number N: medians in milliseconds.
type stage struct {
	N      int     `json:"n"`
	Create float64 `json:"create_ms"`
	Start  float64 `json:"start_ms"`
	List   float64 `json:"list_ms"` // of N containers
	State  float64 `json:"state_ms"`
	Delete float64 `json:"delete_ms"`
}

const manySamples = 20 // of which a stage is the median

// measureMany asks one contender after the other, so that the containers of one are all that there are.
func (b *bench) measureMany() {
	for _, c := range b.Contenders {
		if c.Name == floorName {
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
	var create, start []float64
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
		if slices.Contains(ends, i+1) {
			s := stage{N: i + 1, Create: lastMedian(create), Start: lastMedian(start)}
			if s.List, err = b.repeat(c, "list"); err != nil {
				return nil, err
			}
			if s.State, err = b.repeat(c, "state", id); err != nil {
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

// repeat is the median time of a command.
func (b *bench) repeat(c contender, args ...string) (float64, error) {
	var took []float64
	for range manySamples {
		time.Sleep(b.Pause)
		s, err := b.spawn(b.command(c, args...))
		if err != nil {
			return 0, err
		}
		took = append(took, milliseconds(s.wall))
	}
	return lastMedian(took), nil
}

// stageEnds are the numbers of containers at which stages end: the first, one in the middle, the last.
func stageEnds(n int) []int {
	return slices.Compact([]int{min(n, manySamples), max(min(n, manySamples), n/2), n})
}

// lastMedian is the median of the last samples.
func lastMedian(list []float64) float64 {
	last := slices.Clone(list[max(0, len(list)-manySamples):])
	slices.Sort(last)
	n := len(last)
	return (last[(n-1)/2] + last[n/2]) / 2
}

func printMany(out io.Writer, mode string, list []many) {
	fmt.Fprintf(out, "\nmany containers, cgroup %s: medians of %d, the first columns for the last ones up to so many alive\n", mode, manySamples)
	fmt.Fprintf(out, "  %-12s %8s %8s %8s %8s %8s %8s %10s\n", "", "alive", "create", "start", "state", "delete", "list", "list/each")
	for _, m := range list {
		if m.Error != "" {
			fmt.Fprintf(out, "  %-12s left out: %s\n", m.Contender, m.Error)
			continue
		}
		for _, s := range m.Stages {
			fmt.Fprintf(out, "  %-12s %8d %8.2f %8.2f %8.2f %8.2f %8.2f %10.3f\n", m.Contender, s.N, s.Create, s.Start, s.State, s.Delete, s.List, s.List/float64(s.N))
		}
	}
}
