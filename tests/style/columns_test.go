package main

import "testing"

// Wide lines are seen by whoever runs the tests, not only by `make lint`.
func TestColumns(t *testing.T) {
	t.Chdir("../..")
	problems, err := checkColumns()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Error(p)
	}
}
