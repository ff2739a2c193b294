package process

import (
	"reflect"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"rt/spec"
)

const statusText = `Name:	sh
Uid:	1000	1001	1002	1003
Gid:	100	101	102	103
Groups:	5 6
CapInh:	0000000000000001
CapPrm:	0000000000000020
CapEff:	0000000000000022
CapBnd:	000001ffffffffff
CapAmb:	0000000000000000
NoNewPrivs:	1
Seccomp:	2
Seccomp_filters:	3
`

func TestParseStatus(t *testing.T) {
	want := Status{
		UIDs: [4]uint32{1000, 1001, 1002, 1003}, GIDs: [4]uint32{100, 101, 102, 103}, Groups: []uint32{5, 6},
		Capabilities: spec.Capabilities{Inheritable: 0x1, Permitted: 0x20, Effective: 0x22, Bounding: 0x1ffffffffff},
		NoNewPrivs:   true, Seccomp: unix.SECCOMP_MODE_FILTER, Filters: 3,
	}
	if s, ok := parseStatus(statusText); !ok || !reflect.DeepEqual(*s, want) {
		t.Errorf("%+v, want %+v", s, want)
	}
	// Linux 5.8 has no number of filters.
	want.Filters = -1
	text, _, _ := strings.Cut(statusText, "Seccomp_filters")
	if s, ok := parseStatus(text); !ok || !reflect.DeepEqual(*s, want) {
		t.Errorf("%+v, want %+v", s, want)
	}
	for _, wrong := range [][2]string{
		{"Seccomp:", "Filters:"},
		{"CapPrm:\t0", "CapPrm:\tx"},
		{"Uid:\t1000", "Uid:"},
		{"Groups:\t5", "Groups:\t-5"},
		{"NoNewPrivs:\t1", "NoNewPrivs:"},
		{"Seccomp_filters:\t3", "Seccomp_filters:\tmany"},
	} {
		if s, ok := parseStatus(strings.Replace(statusText, wrong[0], wrong[1], 1)); ok {
			t.Errorf("%q instead of %q is understood: %+v", wrong[1], wrong[0], s)
		}
	}
}

// TestReadStatus: the text of this kernel is understood.
func TestReadStatus(t *testing.T) {
	s, err := ReadStatus(0)
	if err != nil {
		t.Fatal(err)
	}
	if s.UIDs[0] != uint32(unix.Getuid()) || s.GIDs[1] != uint32(unix.Getegid()) {
		t.Errorf("%+v, but the user is %d and the group %d", s, unix.Getuid(), unix.Getegid())
	}
}
