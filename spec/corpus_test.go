package spec

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// corpus returns the configs, or the process files, that real engines wrote (testdata/corpus).
func corpus(t testing.TB, exec bool) map[string][]byte {
	t.Helper()
	files, err := filepath.Glob("testdata/corpus/*.json")
	if err != nil {
		t.Fatal(err)
	}
	docs := make(map[string][]byte)
	for _, file := range files {
		if name := filepath.Base(file); strings.HasPrefix(name, "exec-") == exec {
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			docs[name] = raw
		}
	}
	if len(docs) < 15 {
		t.Fatalf("only %d documents in testdata/corpus", len(docs))
	}
	return docs
}

func TestEnginesAreUnderstood(t *testing.T) {
	for name, raw := range corpus(t, false) {
		s, err := Parse(raw, "/bundle", LoadOptions{Unknown: true})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if len(s.Warnings) > 0 || len(s.Unknown) > 0 {
			t.Errorf("%s: warnings %v, unknown %v", name, s.Warnings, s.Unknown)
		}
		var want specs.Spec
		if err := json.Unmarshal(raw, &want); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(s.OCI, &want) {
			t.Errorf("%s: decoded differently by encoding/json", name)
		}
	}
	for name, raw := range corpus(t, true) {
		p, err := LoadProcess(raw)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if len(p.Warnings) > 0 {
			t.Errorf("%s: warnings %v", name, p.Warnings)
		}
		var want specs.Process
		if err := json.Unmarshal(raw, &want); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(p.OCI, &want) {
			t.Errorf("%s: decoded differently by encoding/json", name)
		}
	}
}
