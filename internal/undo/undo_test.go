package undo

import (
	"slices"
	"testing"
)

func TestOrder(t *testing.T) {
	var s Stack
	var ran []int
	push := func(n int) { s.Push(func() { ran = append(ran, n) }) }
	push(1)
	late := s.Push(nil)
	push(3)
	s.Push(nil) // stays without effect
	late.Run = func() { ran = append(ran, 2) }
	s.Run()
	s.Run() // the stack is empty now
	if !slices.Equal(ran, []int{3, 2, 1}) {
		t.Errorf("ran %v", ran)
	}
	push(4)
	s.Clear()
	s.Run()
	if len(ran) != 3 {
		t.Errorf("a change that was made permanent is reversed: %v", ran)
	}
}
