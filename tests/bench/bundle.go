package main

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

var (
	// defaultConfig is what `runc spec` writes, with `/bin/true` instead of a shell and without a terminal.
	//
	//go:embed testdata/default.json
	defaultConfig []byte

	// dockerConfig is what Docker 26 wrote for one container, recorded on cgroup v1.
	//
	//go:embed testdata/docker.json
	dockerConfig []byte
)

// limits are those of `docker run --memory 512m --memory-reservation 256m --memory-swap 1g --cpu-shares 512 --cpus 1.5
// --cpuset-cpus 0 --pids-limit 100`.
const limits = `{
	"memory": {"limit": 536870912, "reservation": 268435456, "swap": 1073741824},
	"cpu": {"shares": 512, "period": 100000, "quota": 150000, "cpus": "0"},
	"pids": {"limit": 100}
}`

// cgroupPrefix begins the cgroup of every container here, so that leftovers can be told.
const cgroupPrefix = "/rt-bench-"

// bundle is what a test container is made of.
type bundle struct {
	config []byte
	limits string // JSON, added to linux.resources
	args   []string
	cgroup string
	change func(config map[string]any) // nil changes nothing
}

// write makes the bundle directory. Every bundle uses the same root file system, by its absolute path, as Docker does.
func (u bundle) write(dir, rootfs, mode string) error {
	var c map[string]any
	if err := json.Unmarshal(u.config, &c); err != nil {
		return err
	}
	linux := c["linux"].(map[string]any) // the two configs are embedded and tested: they have these sections
	process := c["process"].(map[string]any)
	root := c["root"].(map[string]any)

	portable(c)
	if u.limits != "" {
		resources := linux["resources"].(map[string]any)
		if err := json.Unmarshal([]byte(u.limits), &resources); err != nil {
			return err
		}
	}
	if u.change != nil {
		u.change(c)
	}
	process["args"] = u.args
	root["path"] = rootfs
	linux["cgroupsPath"] = u.cgroup
	if mode == "v2" { // `runc spec` and Docker ask for a cgroup namespace on v2, and for none on v1
		linux["namespaces"] = append(linux["namespaces"].([]any), map[string]any{"type": "cgroup"})
	}
	text, err := json.Marshal(c)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "config.json"), text, 0o644)
}

// portable drops what only the recorded machine had: hooks, the sources of bind mounts, its namespaces and its disks.
func portable(c map[string]any) {
	c["ociVersion"] = "1.0.2" // crun 1.8 knows no 1.2; nothing in the configs is newer
	c["hostname"] = "bench"   // the floor's
	delete(c, "hooks")
	if mounts, ok := c["mounts"].([]any); ok {
		c["mounts"] = slices.DeleteFunc(mounts, func(m any) bool { return m.(map[string]any)["type"] == "bind" })
	}
	linux := c["linux"].(map[string]any)
	for _, ns := range linux["namespaces"].([]any) {
		delete(ns.(map[string]any), "path")
	}
	if resources, ok := linux["resources"].(map[string]any); ok {
		// On a cgroup2 without controllers these files do not exist; the recorded values set no limit.
		delete(resources, "memory")
		delete(resources, "blockIO")
	}
}

// makeRootfs makes a root file system of one static busybox and the mount points a config names.
func makeRootfs(dir string) error {
	for _, d := range []string{"bin", "dev", "etc", "proc", "sys", "tmp"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			return err
		}
	}
	busybox, err := os.ReadFile("/bin/busybox")
	if err != nil {
		return fmt.Errorf("%w (install busybox-static)", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "bin", "busybox"), busybox, 0o755); err != nil {
		return err
	}
	for _, name := range []string{"true", "sh", "cat", "sleep", "ls", "grep"} {
		if err := os.Symlink("busybox", filepath.Join(dir, "bin", name)); err != nil {
			return err
		}
	}
	return nil
}
