// Package foreground serves a process until its end: it forwards signals to the process, and relays between the
// process's terminal and rt's standard streams.
//
// It runs in rt only. It knows descriptors, not containers: the pidfd of a process, the master of a terminal.
//
// It detects the end of the process even if its own output or the terminal is blocked.
package foreground
