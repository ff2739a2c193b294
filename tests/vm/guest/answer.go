package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"rt/tests/vm/facts"
)

// answer waits for the question of the host, which asks when the command has had its time, writes what all processes
// do, and ends the machine. It has test programs of Go write their goroutines, to where their output goes.
func answer(to io.Writer) {
	var question [1]byte
	if n, err := openPort(facts.Control, os.O_RDONLY).Read(question[:]); n == 0 || err != nil {
		return
	}
	fmt.Fprintln(to, "guest: the time is over. The processes:")
	for _, dir := range glob("/proc/[0-9]*") {
		describe(to, dir)
	}
	for _, dir := range glob("/proc/[0-9]*") {
		program, _ := os.Readlink(dir + "/exe")
		if pid, err := strconv.Atoi(filepath.Base(dir)); err == nil && isTest(program) {
			_ = syscall.Kill(pid, syscall.SIGQUIT)
		}
	}
	time.Sleep(5 * time.Second) // the processes that write their goroutines tell no end
	powerOff()
}

// isTest says whether a path is that of a test program of Go, as tests/vm/kernels and tests/vm/cgroup name them.
func isTest(program string) bool {
	name := filepath.Base(program)
	return name == "test" && filepath.Dir(program) != "/usr/bin" || strings.HasSuffix(name, ".test")
}

// describe writes what a process is, and where each of its threads is in the kernel. A thread of the kernel has no
// command line, and is of no interest.
func describe(to io.Writer, dir string) {
	line, _ := os.ReadFile(dir + "/cmdline")
	if len(line) == 0 {
		return
	}
	stat, _ := os.ReadFile(dir + "/stat")
	_, rest, _ := strings.Cut(string(stat), ") ")
	group, _ := os.ReadFile(dir + "/cgroup")
	fmt.Fprintf(to, "%s %.40s: %s\n  %s\n", filepath.Base(dir), rest, bytes.ReplaceAll(line, []byte{0}, []byte{' '}),
		bytes.ReplaceAll(bytes.TrimSpace(group), []byte("\n"), []byte(" ")))
	for _, thread := range glob(dir + "/task/[0-9]*") {
		stack, _ := os.ReadFile(thread + "/stack")
		fmt.Fprintf(to, "  %s:", filepath.Base(thread))
		for line := range strings.Lines(string(stack)) {
			_, function, _ := strings.Cut(strings.TrimSpace(line), "] ")
			function, _, _ = strings.Cut(function, "+")
			fmt.Fprint(to, " ", function)
		}
		fmt.Fprintln(to)
	}
}
