package supervise

import (
	"slices"

	"golang.org/x/sys/unix"

	"rt/nsenter"
)

// expected knows which reports can come next. Each process of the boot goes its way through the steps, past those that say nothing, up to one that
// reports; a step that makes a process makes a second way. Steps only ever go forward, so one pass from where a process last was tells
// where it may be now.
type expected struct {
	steps []nsenter.Step
	at    []int  // for each process: the first step that it may be at
	seen  []bool // which steps can be reached: room for reach
}

func newExpected(steps []nsenter.Step) *expected {
	return &expected{steps: steps, at: []int{0}, seen: make([]bool, len(steps)+1)}
}

// accept reports whether a report of step index can come now, and takes note of it. Any step may fail; others report only what they are for.
func (e *expected) accept(index int, failed bool) bool {
	for k, from := range e.at {
		if from > index || !e.reach(from, index) {
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

// reach reports whether a process at step from can get to step to without a report on the way, and marks in seen the steps that lead on from there.
func (e *expected) reach(from, to int) bool {
	clear(e.seen[from : to+1])
	e.seen[from] = true
	for i := from; i < to; i++ {
		if !e.seen[i] {
			continue
		}
		s := &e.steps[i]
		if len(s.Errnos) > 0 {
			e.mark(e.otherwise(i), to)
		}
		if s.Sync == nil && !s.Traces() && s.Call != nsenter.ExitGroup && s.Call != nsenter.Execve && s.Call != nsenter.Execveat {
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

// forks returns where the processes begin that were made on the way from from to to.
func (e *expected) forks(from, to int) (starts []int) {
	for i := from; i < to; i++ {
		if !e.steps[i].Forks() || !e.reach(from, i) {
			continue
		}
		then, otherwise := e.then(i), e.otherwise(i)
		if then <= to && e.reach(then, to) {
			starts = append(starts, otherwise)
		} else {
			starts = append(starts, then)
		}
	}
	return starts
}

// then is the step that follows a success of step i, and otherwise the one that follows one of its errnos.
func (e *expected) then(i int) int { return follow(e.steps[i].Then, i) }

func (e *expected) otherwise(i int) int { return follow(e.steps[i].Else, i) }

func follow(target, i int) int {
	if target == 0 {
		return i + 1
	}
	return target
}

// canFailWith reports whether a result makes a step fail: one below its least, and no errno that it goes on with.
func canFailWith(s *nsenter.Step, result int64) bool {
	const lastErrno = 4095 // MAX_ERRNO of the kernel
	if result >= int64(s.Min) || result < -lastErrno {
		return false
	}
	errno := unix.Errno(nsenter.Short)
	if result < 0 {
		errno = unix.Errno(-result)
	}
	return !slices.Contains(s.Errnos, errno)
}
