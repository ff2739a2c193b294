package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"
)

func TestDescribeTellsProcessAndThreads(t *testing.T) {
	var said bytes.Buffer
	describe(&said, fmt.Sprintf("/proc/%d", os.Getpid()))
	first, rest, _ := strings.Cut(said.String(), "\n")
	if !strings.HasPrefix(first, fmt.Sprintf("%d R", os.Getpid())) &&
		!strings.HasPrefix(first, fmt.Sprintf("%d S", os.Getpid())) || !strings.Contains(first, os.Args[0]) {
		t.Errorf("it begins with %q", first)
	}
	if !strings.Contains(rest, fmt.Sprintf("\n  %d:", os.Getpid())) {
		t.Errorf("no thread %d in %q", os.Getpid(), rest)
	}
}

func TestTestProgramsAreKnown(t *testing.T) {
	for program, want := range map[string]bool{
		"/work/hooks/test": true, "/home/rootless/cgroup.test": true,
		"/usr/bin/test": false, "/work/rt": false, "": false,
	} {
		if isTest(program) != want {
			t.Errorf("%q: %t", program, !want)
		}
	}
}
