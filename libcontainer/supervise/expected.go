package supervise

import (
	"slices"

	"golang.org/x/sys/unix"

	"rt/nsenter"
)

// expected tracks which reports can come next. Each boot process goes through the steps, past those without a report,
// up to one with a report; a step that forks adds a process. Steps only go forward, so one pass from the last known
// step of a process tells where it may be now.
type expected struct {
	steps []nsenter.Step
	at    []int  // for each process: the first step that it may execute next
	seen  []bool // which steps can be reached: scratch space of reach
}

func newExpected(steps []nsenter.Step) *expected {
	return &expected{steps: steps, at: []int{0}, seen: make([]bool, len(steps)+1)}
}

// accept reports whether a report of step index can come now, and records it. Any step may report a failure; other
// reports come only from steps with a sync point or a trace.
func (e *expected) accept(index int, failed bool) bool {
	for k, from := range e.at {
		if from > index || !e.canReach(from, index) {
			continue
		}
		e.at = append(e.at, e.forks(from, index)...)
		e.at[k] = e.then(index)
		if failed || e.at[k] >= len(e.steps) {
			e.at = slices.Delete(e.at, k, k+1) // it has ended
		}
		return true
	}
	return false
}

// canReach reports whether a process at step from can get to step to without a report in between. It marks the
// reachable steps in seen.
func (e *expected) canReach(from, to int) bool {
	clear(e.seen[from : to+1])
	e.seen[from] = true
	for i := from; i < to; i++ {
		if !e.seen[i] {
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
	return e.seen[to]
}

func (e *expected) mark(i, to int) {
	if i <= to {
		e.seen[i] = true
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
