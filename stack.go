package main

// growStack gives the calling goroutine a stack of 64 KB at once, where it would otherwise be doubled from 8 KB
// whenever it is full: every time a new one is allocated, and the frames of all callers are found in tables of the
// executable, adjusted and copied. A `rt run` did that three times, deep in the compiler, for a twentieth of its own
// processor time. The memory is touched only as it is used.
func growStack()
