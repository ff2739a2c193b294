package main

import (
	"bytes"
	"os"
	"testing"
)

// TestGeneratedFileIsFresh fails when the specification has moved on, or the generator has, and `go generate` was not
// run.
func TestGeneratedFileIsFresh(t *testing.T) {
	want, err := generate()
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../../decode_gen.go")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("spec/decode_gen.go is stale: run `go generate` in spec")
	}
}
