package libcontainer

import (
	"context"
	"errors"
	"os"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/libcontainer/host"
	"rt/libcontainer/plan"
)

// TestEveryStepOfMountFails fails each step of a plan that adds a mount to a running container, and then each of the
// plan that removes it. The error has to name the step; the container has to have the mount or not, and the state to
// say so.
func TestEveryStepOfMountFails(t *testing.T) {
	if facts := host.Probe(); !facts.Has(host.MountSetattr) {
		t.Skip("needs Linux 5.12, to restrict a mount before a running container sees it")
	}
	if !apart(t) {
		return
	}
	bundle := newBundle(t, func(config map[string]any) {
		config["root"].(map[string]any)["readonly"] = false
		config["process"].(map[string]any)["args"] = []string{"/bin/busybox", "sleep", "600"}
	})
	must(t, os.MkdirAll(bundle+"/rootfs/added", 0o755))
	source := t.TempDir()
	const id = "every-step-of-mount"
	r := &tested{Runtime: Runtime{Root: t.TempDir()}}
	must(t, r.create(id, &CreateOptions{Bundle: bundle}))
	defer func() { _ = r.forceDelete(id); reapAll() }()
	must(t, r.start(id))
	mount := func(r *tested) error {
		_, err := r.Container(id).Mount(context.Background(), &AddedMount{
			Destination: "/added", Type: "bind", Source: source, Options: []string{"ro"},
		})
		return err
	}
	umount := func(r *tested) error { return r.Container(id).Umount(context.Background(), "/added") }
	must(t, unix.Mknod(source+"/fuse", unix.S_IFCHR|0o600, int(unix.Mkdev(10, 229))))
	device := func(r *tested) error {
		return r.Container(id).AddDevice(context.Background(), &AddedDevice{
			Path: source + "/fuse", Destination: "/added",
		})
	}
	noDevice := func(r *tested) error { return r.Container(id).RemoveDevice(context.Background(), "/added") }
	check := func(when string, want int) {
		t.Helper()
		state, _, err := r.storedState(id)
		must(t, err)
		table, err := os.ReadFile("/proc/" + strconv.Itoa(state.Pid) + "/mountinfo")
		must(t, err)
		if n := strings.Count(string(table), " /added "); n != want || len(state.Added) != want {
			t.Fatalf("%s: %d mounts, %v recorded", when, n, state.Added)
		}
		rule := want == 1 && state.Added[0].Device != ""
		if allowed, known := deviceAllowed(t, state.Pid, "c 10:229 rwm"); known && allowed != rule {
			t.Fatalf("%s: the cgroup allows the device: %v", when, allowed)
		}
	}
	tried := 0
	for _, half := range []struct {
		name   string
		do     func(*tested) error
		undo   func(*tested) error
		before int
	}{
		{"mount", mount, umount, 0},
		{"umount", umount, mount, 1},
		{"device add", device, noDevice, 0},
		{"device remove", noDevice, device, 1},
	} {
		if half.name == "device add" { // the mount point of a device is a file
			must(t, os.Remove(bundle+"/rootfs/added"))
		}
		var p plan.Plan
		learn := &tested{Runtime: r.Runtime}
		learn.edit = func(made *plan.Plan) { p = *made }
		must(t, half.do(learn))
		check(half.name, 1-half.before)
		must(t, half.undo(r))
		for i := range p.Steps[:len(p.Steps)-1] { // without the end
			if p.Steps[i].Errnos.Has(unix.EIO) {
				continue
			}
			faulty := &tested{Runtime: r.Runtime}
			faulty.edit = func(p *plan.Plan) { p.Program = *p.WithFault(i, unix.EIO) }
			err := half.do(faulty)
			what := half.name + ", step " + strconv.Itoa(i+1) + ", " + p.Text(i)
			var e *diag.Error
			switch {
			case err == nil: // the step is on no way that this plan goes here
				check(what, 1-half.before)
				must(t, half.undo(r))
				continue
			case !errors.As(err, &e) || e.Step != i+1 || e.Errno != unix.EIO:
				t.Errorf("%s: %v", what, err)
			case strings.HasPrefix(e.Field, "mounts["):
				t.Errorf("%s: the field is %s", what, e.Field)
			}
			tried++
			check(what, half.before)
		}
		must(t, half.do(r))
	}
	if tried < 20 {
		t.Errorf("only %d steps have failed", tried)
	}
}

// deviceAllowed reports whether the cgroup of a process has a rule for a device; known says that it is one of v1, which
// has a list of them.
func deviceAllowed(t *testing.T, pid int, rule string) (allowed, known bool) {
	t.Helper()
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cgroup")
	must(t, err)
	_, rest, _ := strings.Cut(string(text), ":devices:")
	path, _, _ := strings.Cut(rest, "\n")
	list, err := os.ReadFile("/sys/fs/cgroup/devices" + path + "/devices.list")
	return strings.Contains(string(list), rule), err == nil
}
