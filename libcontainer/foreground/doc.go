// Package foreground serves a process until its end: it forwards signals to the process, and relays between the
// process's terminal and rt's standard streams.
//
// It runs in rt only. It knows descriptors, not containers: the pidfd of a process, the master of a terminal.
//
// Nothing that others can delay keeps it from noticing the process's end: no write to rt's output, no terminal that is
// full or stopped.
package foreground
