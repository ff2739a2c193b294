package plan

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"rt/internal/diag"
	"rt/nsenter"
	"rt/spec"
)

// mountsConfig is a config with mounts, each given as "TYPE DESTINATION [OPTION]", and masked paths.
func mountsConfig(t *testing.T, mounts, masked []string) *spec.Spec {
	t.Helper()
	quote := func(list []string) string {
		if len(list) == 0 {
			return "[]"
		}
		return `["` + strings.Join(list, `","`) + `"]`
	}
	var entries []string
	for _, text := range mounts {
		f := strings.Fields(text)
		options := f[2:]
		if f[0] == "bind" {
			options = append(options, "rbind")
		}
		entries = append(entries, fmt.Sprintf(`{"type": %q, "source": "/source", "destination": %q, "options": %s}`,
			f[0], f[1], quote(options)))
	}
	return config(t, `{"mounts": [`+strings.Join(entries, ",")+`], "linux": {"maskedPaths": `+quote(masked)+`}}`)
}

func TestHolder(t *testing.T) {
	for _, tc := range []struct {
		path   string
		mounts []string
		index  int
		rest   string
	}{
		{"/proc/kcore", nil, -1, ""},
		{"/proc/kcore", []string{"proc /proc"}, 0, "kcore"},
		{"/proc", []string{"proc /proc"}, -1, ""}, // the mount point itself lies in the root file system
		{"/process", []string{"proc /proc"}, -1, ""},
		{"/proc/sys/kernel", []string{"proc /proc", "sysfs /sys"}, 0, "sys/kernel"},
		{"/sys/proc/x", []string{"sysfs /sys", "proc /proc"}, 0, "proc/x"},
		{"/proc/kcore", []string{"bind /proc"}, 0, "kcore"},
		{"/sys/firmware", []string{"bind /sys"}, 0, "firmware"},
		{"/data/x", []string{"bind /data"}, -1, ""}, // there a name may hold links, and means what it means at the end
		{"/proc/kcore", []string{"proc /proc", "proc /proc"}, 1, "kcore"},
		{"/a/proc/x", []string{"proc /a/proc", "tmpfs /a"}, -1, ""}, // covered
		{"/proc/a/b", []string{"proc /proc", "tmpfs /proc/a"}, 0, "a/b"},
		{"/proc/kcore", []string{"proc /proc", "proc /proc remount"}, 0, "kcore"},
	} {
		c := input{spec: mountsConfig(t, tc.mounts, nil)}
		index, rest := c.kernelTreeOf(tc.path)
		if index != tc.index || index >= 0 && rest != tc.rest {
			t.Errorf("%s in %q: mount %d, %q; want %d, %q", tc.path, tc.mounts, index, rest, tc.index, tc.rest)
		}
	}
}

// TestManyRestricted has more mounts with masked paths than early plans had registers: none of the paths may be looked
// up by its name, and a config with too many mounts for the registers is refused. Read-only mounts must not take up the
// registers.
func TestManyRestricted(t *testing.T) {
	var mounts, masked []string
	for i := range 300 {
		mounts = append(mounts, fmt.Sprintf("tmpfs /ro%d ro", i))
	}
	for i := range 230 {
		mounts = append(mounts, fmt.Sprintf("proc /p%d", i))
		masked = append(masked, fmt.Sprintf("/p%d/kcore", i))
	}
	f := modern()
	s := mountsConfig(t, mounts, masked)
	p, err := Compile(s, &f, options(s, &f))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := nsenter.Assemble(&p.Program); err != nil {
		t.Fatal(err)
	}
	found := 0
	for i := range p.Steps {
		if strings.Contains(p.Steps[i].Origin, "maskedPaths[") && strings.Contains(p.Text(i), "/kcore") {
			t.Errorf("looked up by name: %s", p.Text(i))
		} else if strings.Contains(p.Text(i), `"kcore"`) {
			found++
		}
	}
	if found != 2*230 {
		t.Errorf("%d look-ups, want two for each path", found)
	}
	for i := range 10 {
		mounts = append(mounts, fmt.Sprintf("proc /q%d", i))
		masked = append(masked, fmt.Sprintf("/q%d/kcore", i))
	}
	s = mountsConfig(t, mounts, masked)
	var e *diag.Error
	if _, err := Compile(s, &f, options(s, &f)); !errors.As(err, &e) || e.Field != "linux.maskedPaths" {
		t.Errorf("240 mounts: %v", err)
	}
}

// A mount that is made, or copied, and never attached is taken down when its descriptor is closed, and the program's
// start waits for a grace period of RCU for it (dissolve_on_fput in the kernel's namespace.c): a tenth of a run on a
// busy machine.
func TestNoMountIsLeftDetached(t *testing.T) {
	s := mountsConfig(t, []string{"proc /proc", "tmpfs /dev", "sysfs /sys ro", "bind /data"},
		[]string{"/proc/kcore", "/proc/acpi", "/sys/firmware"})
	f := modern()
	p, err := Compile(s, &f, options(s, &f))
	if err != nil {
		t.Fatal(err)
	}
	detached := map[nsenter.Reg]string{}
	var next int
	for i := 0; i < len(p.Steps); i = next { // the way on which all calls succeed
		step := &p.Steps[i]
		if next = int(step.Then); next == 0 {
			next = i + 1
		}
		switch step.Call {
		case nsenter.Fsmount, nsenter.OpenTree:
			if text, ok := detached[step.To]; ok {
				t.Errorf("nothing attaches the mount of %s", text)
			}
			detached[step.To] = p.Text(i)
		case nsenter.MoveMount:
			if r, ok := step.Args[0].Reg(); ok {
				delete(detached, r)
			}
		}
	}
	for _, text := range detached {
		t.Errorf("nothing attaches the mount of %s", text)
	}
}
