package main

// growStack gives the calling goroutine a stack of 64 KB at once. Otherwise the Go runtime doubles it from 8 KB
// whenever it is full: each time it allocates a new one, and copies and adjusts the frames of all callers. An `rt run`
// did that three times, deep in the compiler, for a twentieth of its processor time. Pages of the new stack cost
// nothing until they are used.
func growStack()
