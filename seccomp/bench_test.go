package seccomp

import "testing"

func BenchmarkCompileDocker(b *testing.B) {
	p := profiles(b)["docker.json"]
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := Compile(p, "amd64"); err != nil {
			b.Fatal(err)
		}
	}
}
