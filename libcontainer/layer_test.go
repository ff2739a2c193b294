package libcontainer

import (
	"path/filepath"
	"testing"
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
			bundle := newBundle(t,
				func(config map[string]any) { config["process"].(map[string]any)["args"] = []string{"/bin/true"} })
			if test.users {
				writeConfig(t, bundle, func(config map[string]any) {
					config["process"].(map[string]any)["args"] = []string{"/bin/true"}
					userNamespace(t, config, bundle, 100000)
				})
			}
			f := faults{
				t: t, bundle: bundle, root: filepath.Join(t.TempDir(), "root"), options: test.options,
				origin: test.origin,
			}
			f.all()
		})
	}
}
