package main

import (
	"strings"
	"testing"
	"time"
)

func TestMedian(t *testing.T) {
	for want, list := range map[time.Duration][]time.Duration{0: nil, 3: {9, 3, 1}, 5: {9, 3, 1, 7}} {
		if got := median(list); got != want {
			t.Errorf("the median of %v is %d, not %d", list, got, want)
		}
	}
}

// A runtime that fails is left out with its words, and the others are measured.
func TestFailureIsShown(t *testing.T) {
	field := []contender{{name: "runc", path: "true"}, {name: "rt", path: "/no/such/runtime"}}
	load := workload{"none", "run", func(c contender, _ string) []string { return []string{c.path} }}
	var out strings.Builder
	measure(load, field, 3, 0).print(&out)
	if text := out.String(); !strings.Contains(text, "/no/such/runtime: ") || !strings.Contains(text, "1.00") {
		t.Error(text)
	}
}
