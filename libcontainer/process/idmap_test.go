package process

import (
	"os"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

func TestReadIDMap(t *testing.T) {
	list, err := ReadIDMap(os.Getpid(), UIDMap)
	if err != nil || len(list) == 0 {
		t.Fatalf("%v, %v", list, err)
	}
	text, err := os.ReadFile("/proc/self/uid_map")
	if err != nil {
		t.Fatal(err)
	}
	if want := strings.Join(strings.Fields(string(text)), " "); len(list) == 1 && FormatIDMapping(list[0]) != want {
		t.Errorf("%s, want %s", FormatIDMapping(list[0]), want)
	}
	if _, err := ReadIDMap(os.Getpid(), "no_map"); err == nil {
		t.Error("a map that does not exist was read")
	}
}

func TestParseIDMapping(t *testing.T) {
	m, err := parseIDMapping([]string{"0", "100000", "4294967295"})
	if want := (specs.LinuxIDMapping{HostID: 100000, Size: 4294967295}); err != nil || m != want {
		t.Errorf("%v, %v", m, err)
	}
	for _, bad := range []string{"", "0 1", "0 1 2 3", "0 x 1", "0 1 4294967296", "-1 0 1"} {
		if m, err := parseIDMapping(strings.Fields(bad)); err == nil {
			t.Errorf("%q is %v", bad, m)
		}
	}
}
