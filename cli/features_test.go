package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go/features"

	"rt/libcontainer"
	"rt/spec"
)

func TestFeatures(t *testing.T) {
	out, errs, status := rt(t, "features")
	if status != 0 || errs != "" {
		t.Fatalf("status %d, %s", status, errs)
	}
	var f features.Features
	if err := json.Unmarshal([]byte(out), &f); err != nil {
		t.Fatal(err)
	}
	if f.OCIVersionMin == "" || f.OCIVersionMax != spec.NewestVersion ||
		len(f.MountOptions) != len(spec.MountOptions()) ||
		!*f.Linux.MountExtensions.IDMap.Enabled {
		t.Errorf("engines would not find what they look for:\n%s", out)
	}
}

// features must say no to what a plan refuses, and yes from the day on that it does not.
func TestFeaturesSaysWhatPlansDo(t *testing.T) {
	f := document()
	for config, enabled := range map[string]bool{
		`"netDevices": {"eth0": {"name": "eth1"}}`: *f.Linux.NetDevices.Enabled,
		`"intelRdt": {"closID": "x"}`:              *f.Linux.IntelRdt.Enabled,
	} {
		bundle := t.TempDir()
		if err := os.Mkdir(filepath.Join(bundle, "rootfs"), 0o755); err != nil {
			t.Fatal(err)
		}
		text := `{"ociVersion": "1.3.0", "root": {"path": "rootfs"}, 
			"process": {"args": ["a"], "cwd": "/", "user": {"uid": 0, "gid": 0}},
			"linux": {"namespaces": [{"type": "mount"}, {"type": "network"}], ` + config + `}}`
		if err := os.WriteFile(filepath.Join(bundle, "config.json"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, _, err := new(libcontainer.Runtime).Plan(t.Context(), bundle, &libcontainer.CreateOptions{}, true)
		refused := err != nil && strings.Contains(err.Error(), "is not supported")
		if refused == enabled {
			t.Errorf("%s: features says %v, and plan: %v", config, enabled, err)
		}
	}
}
