package supervise

import (
	"slices"

	"golang.org/x/sys/unix"

	"rt/nsenter"
)

// expected tracks which reports can come next. A boot process executes steps without a report up to one that reports,
// and a step that forks adds a process. Jumps only go forward, so one pass over the steps from the last known one of a
// process finds all steps where it may be now.
type expected struct {
	steps     []nsenter.Step
	next      []int  // for each process: the first step that it may execute next
	reachable []bool // for each step: scratch space of canReach
}

func newExpected(steps []nsenter.Step) *expected {
	return &expected{steps: steps, next: []int{0}, reachable: make([]bool, len(steps)+1)}
}

// accept reports whether a report of step index can come now, and records it. Any step may report a failure; other
// reports come only from steps with a sync point or a trace.
func (e *expected) accept(index int, failed bool) bool {
	for k, from := range e.next {
		if from > index || !e.canReach(from, index) {
			continue
		}
		e.next = append(e.next, e.forks(from, index)...)
		e.next[k] = e.then(index)
		if failed || e.next[k] >= len(e.steps) {
			e.next = slices.Delete(e.next, k, k+1) // it has ended
		}
		return true
	}
	return false
}

// canReach reports whether a process at step from can get to step to without a report in between. It marks the steps
// that the process can reach in reachable.
func (e *expected) canReach(from, to int) bool {
	clear(e.reachable[from : to+1])
	e.reachable[from] = true
	for i := from; i < to; i++ {
		if !e.reachable[i] {
			continue
		}
		s := &e.steps[i]
		if s.Errnos.Any() {
			e.mark(e.otherwise(i), to)
		}
		if s.Sync == nil && !s.Traces() && s.Call != nsenter.ExitGroup && s.Call != nsenter.Execve &&
			s.Call != nsenter.Execveat {
			e.mark(e.then(i), to)
		}
	}
	return e.reachable[to]
}

func (e *expected) mark(i, to int) {
	if i <= to {
		e.reachable[i] = true
	}
}

// forks returns the first steps of the processes that were forked between steps from and to.
func (e *expected) forks(from, to int) (starts []int) {
	for i := from; i < to; i++ {
		if !e.steps[i].Forks() || !e.canReach(from, i) {
			continue
		}
		then, otherwise := e.then(i), e.otherwise(i)
		if then <= to && e.canReach(then, to) {
			starts = append(starts, otherwise)
		} else {
			starts = append(starts, then)
		}
	}
	return starts
}

// then returns the step that follows a success of step i; otherwise returns the one that follows one of its errnos.
func (e *expected) then(i int) int { return follow(e.steps[i].Then, i) }

func (e *expected) otherwise(i int) int { return follow(e.steps[i].Else, i) }

func follow(target int32, i int) int {
	if target == 0 {
		return i + 1
	}
	return int(target)
}

// canFailWith reports whether a result makes a step fail: below its minimum, and not an errno that it tolerates.
func canFailWith(s *nsenter.Step, result int64) bool {
	const lastErrno = 4095 // MAX_ERRNO of the kernel
	if result >= int64(s.Min) || result < -lastErrno {
		return false
	}
	errno := nsenter.Short
	if result < 0 {
		errno = unix.Errno(-result)
	}
	return !s.Errnos.Has(errno)
}
