package libcontainer

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/libcontainer/engine"
	"rt/spec"
)

// TestEveryStepOfALayerFails fails the steps that put a layer over the root file system: nothing may be left, in the
// directory of --overlay neither.
func TestEveryStepOfALayerFails(t *testing.T) {
	if !apart(t) {
		return
	}
	kept := filepath.Join(t.TempDir(), "kept")
	for _, test := range []struct {
		name, origin string
		users        bool
		options      CreateOptions
	}{
		{"ephemeral", "--ephemeral", false, CreateOptions{Ephemeral: true}},
		{"ephemeral, own users", "--ephemeral", true, CreateOptions{EphemeralSize: "1m"}},
		{"overlay", "--overlay", false, CreateOptions{Overlay: kept}},
	} {
		t.Run(test.name, func(t *testing.T) {
			bundle := newBundle(t, func(config map[string]any) { config["process"].(map[string]any)["args"] = []string{"/bin/true"} })
			if test.users {
				writeConfig(t, bundle, func(config map[string]any) {
					config["process"].(map[string]any)["args"] = []string{"/bin/true"}
					userNamespace(t, config, bundle, 100000)
				})
			}
			f := faults{t: t, bundle: bundle, root: filepath.Join(t.TempDir(), "root"), options: test.options,
				origin: test.origin}
			f.all()
		})
	}
}

func TestTmpfsSizes(t *testing.T) {
	for text, want := range map[string]bool{
		"1": true, "64m": true, "2G": true, "10%": true, "4096k": true, "0": false, "": false, "m": false, "1mm": false, "-1": false, "1 m": false, "1m,mode=777": false,
	} {
		if got := isTmpfsSize(text); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}

// TestKeptIsTakenOnce has two makers that want one directory, one that has ended, and one that has failed.
func TestKeptIsTakenOnce(t *testing.T) {
	root := t.TempDir()
	must(t, os.Mkdir(root+"/rootfs", 0o755))
	dir := filepath.Join(t.TempDir(), "kept")
	maker := func() *maker {
		m := &maker{o: &CreateOptions{Overlay: dir}, id: "c", spec: &spec.Spec{Rootfs: root + "/rootfs"},
			console: engine.NewConsole(""), copyFrom: -1}
		must(t, m.lookAtLayer())
		return m
	}
	first := maker()
	must(t, first.takeKept())
	var e *diag.Error
	second := maker()
	if err := second.takeKept(); !errors.As(err, &e) || e.Field != "--overlay" || e.Value != dir {
		t.Fatalf("while another rt has it: %v", err)
	}
	second.undo.Run()
	second.close()
	must(t, os.Mkdir(dir+"/upper", 0o755))
	first.pid = os.Getpid()
	first.state.StartTime = 1 // of a process that has ended
	must(t, first.keepKept())
	first.undo.Run() // too late to take anything back
	first.close()
	third := maker()
	must(t, third.takeKept())
	third.undo.Run() // it was not fresh
	third.close()
	must(t, unix.Access(dir+"/upper", unix.F_OK))
}
