// Package undo reverses changes: whoever changes something pushes the reversal on a stack, and a failure runs the
// stack, the last change first.
package undo

import "slices"

// Stack holds the reversals of the changes made so far. The zero value is an empty stack.
type Stack struct{ entries []*Entry }

// Entry is one reversal. A nil Run reverses nothing; it may be set later, and then keeps its position in the order.
type Entry struct{ Run func() }

// Push adds the reversal of the last change.
func (s *Stack) Push(run func()) *Entry {
	e := &Entry{run}
	s.entries = append(s.entries, e)
	return e
}

// Clear makes the changes permanent.
func (s *Stack) Clear() { s.entries = nil }

// Run reverses the changes, the last one first, and empties the stack.
func (s *Stack) Run() {
	for _, e := range slices.Backward(s.entries) {
		if e.Run != nil {
			e.Run()
		}
	}
	s.entries = nil
}
