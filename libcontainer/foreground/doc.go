// Package foreground is what an rt does that stays with a process until its end: it passes signals on to the process, and relays between the process's
// terminal and rt's standard streams.
//
// It runs in rt only, and it knows descriptors: the pidfd of a process, the master of a terminal. Which container they belong to it does not know.
//
// Nothing that others can delay keeps it from seeing the process's end: no write to rt's output, no terminal that is full or stopped.
package foreground
