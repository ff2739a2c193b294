package main

import (
	"os"
	"testing"
)

// TestUnsetEntryVariable: no child gets the variable of entry, and each gets what the user has set.
func TestUnsetEntryVariable(t *testing.T) {
	for value, want := range map[string]string{"01": "", "1": "1", "4": "4", "": ""} {
		t.Setenv("GOMAXPROCS", value)
		unsetEntryVariable()
		if got := os.Getenv("GOMAXPROCS"); got != want {
			t.Errorf("GOMAXPROCS=%q became %q, want %q", value, got, want)
		}
	}
}
