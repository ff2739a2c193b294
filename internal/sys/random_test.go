package sys

import (
	"bytes"
	"testing"
)

func TestReadRandom(t *testing.T) {
	a, b := make([]byte, 32), make([]byte, 32)
	for _, p := range [][]byte{a, b} {
		if err := ReadRandom(p); err != nil {
			t.Fatal(err)
		}
	}
	if bytes.Equal(a, b) || bytes.Equal(a, make([]byte, 32)) {
		t.Errorf("%x and %x are not random", a, b)
	}
}
