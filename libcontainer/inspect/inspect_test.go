package inspect

import (
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/moby/sys/mountinfo"

	"rt/libcontainer/plan"
)

func TestNotStatic(t *testing.T) {
	self, err := os.ReadFile("/proc/self/exe")
	must(t, err)
	dynamic, err := os.ReadFile("/bin/sh")
	must(t, err)
	damaged := append([]byte(nil), self...)
	for i := 32; i < 40; i++ {
		damaged[i] = 0xff
	}
	for name, c := range map[string]struct {
		file []byte
		ok   bool
	}{
		"script": {[]byte("#!/bin/sh\n"), false}, "text": {
			[]byte("hello"),
			false,
		}, "nothing": {nil, false}, "dynamic": {dynamic, false},
		"header alone": {self[:64], false}, "damaged": {damaged, false},
	} {
		if problem := notStatic(c.file); (problem == "") != c.ok {
			t.Errorf("%s: %q", name, problem)
		}
	}
}

func TestKernelMounts(t *testing.T) {
	const table = `20 1 0:19 / / rw shared:1 - ext4 /dev/sda rw
21 20 0:20 / /proc rw shared:2 - proc proc rw
22 20 0:21 / /sys rw shared:3 - sysfs sysfs rw
23 22 0:22 / /sys/fs/cgroup rw shared:4 - cgroup2 none rw
24 20 0:23 / /srv/jail/proc ro - proc proc rw
25 24 0:24 / /srv/jail/proc rw - tmpfs none rw
26 99 0:20 / /outside rw - proc proc rw
`
	mounts, err := mountinfo.GetMountsFromReader(strings.NewReader(table), nil)
	must(t, err)
	want := []plan.KernelMount{
		{Path: "/proc", Parent: "/"},
		{Path: "/sys", Parent: "/"},
		{Path: "/srv/jail/proc", Parent: "/"},
		{Path: "/srv/jail/proc", Parent: "/srv/jail/proc"},
		{Path: "/outside", Parent: "/"},
	}
	if got := kernelMounts(mounts); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestTmpfsSizes(t *testing.T) {
	for text, want := range map[string]bool{
		"1": true, "64m": true, "2G": true, "10%": true, "4096k": true, "0": false, "": false, "m": false,
		"1mm": false, "-1": false, "1 m": false, "1m,mode=777": false,
	} {
		if got := isTmpfsSize(text); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
