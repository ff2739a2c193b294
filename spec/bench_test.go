package spec

import (
	"os"
	"testing"
)

// BenchmarkParse is the warm half of the story; what counts is the first call in a fresh process, which `make bench`
// measures.
func BenchmarkParse(b *testing.B) {
	raw, err := os.ReadFile("testdata/corpus/docker-12.json")
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(raw, "/bundle", LoadOptions{}); err != nil {
			b.Fatal(err)
		}
	}
}
