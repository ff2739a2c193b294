// Package seccomp turns linux.seccomp of a config.json into the BPF program that seccomp(2) loads.
//
// rt runs it while it compiles a plan: the program is part of the boot image, and a step loads it. [Compile] is a pure
// function: no system call, no probe, no cgo. It refuses a profile that the spec forbids, with the field and what would
// be right, and a program of more than 4096 instructions. Names of calls that no table contains are left out with a
// warning, as profiles are written for many kernels.
//
// The program of one architecture is a search tree over call numbers, so any call is decided in some ten instructions.
// Type reading implements the meaning of a profile a second time, slowly and without BPF. The tests compare the two,
// and both with libseccomp (build tag libseccomp). README.md in this directory lists where rt and libseccomp differ on
// purpose.
//
// It follows config-linux.md#seccomp, seccomp(2), and linux/seccomp.h for the layout of struct seccomp_data.
package seccomp
