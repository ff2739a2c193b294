package main

import (
	"testing"
	"unsafe"
)

// TestGrowStack: a stack that is deep enough stays where it is.
func TestGrowStack(t *testing.T) {
	done := make(chan bool)
	go func() {
		growStack()
		var here byte
		before := uintptr(unsafe.Pointer(&here))
		descend(40)
		done <- uintptr(unsafe.Pointer(&here)) == before
	}()
	if !<-done {
		t.Error("the stack was moved after growStack")
	}

	go func() {
		var here byte
		before := uintptr(unsafe.Pointer(&here))
		descend(40)
		done <- uintptr(unsafe.Pointer(&here)) == before
	}()
	if <-done {
		t.Error("a stack that nobody has grown was not moved: the test shows nothing")
	}
}

// descend uses a kilobyte of stack for each level.
//
//go:noinline
func descend(levels int) byte {
	var frame [1024]byte
	if levels > 0 {
		frame[levels] = descend(levels - 1)
	}
	return frame[levels]
}
