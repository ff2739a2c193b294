package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// corpusCases has a case for each config in dir that an engine has written: pods' (containerd-), Docker's and Podman's.
func corpusCases(dir string) (cases []*kase, err error) {
	files, err := filepath.Glob(dir + "/*.json")
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		if strings.HasPrefix(name, "exec-") {
			continue // the process of an exec
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		cases = append(cases, &kase{genes: []gene{{"config of " + name, func(b *bundle) { b.adopt(text) }}}})
	}
	if len(cases) == 0 {
		return nil, fmt.Errorf("%s has no configs", dir)
	}
	return cases, nil
}

// adopt makes the config of an engine that of the bundle, with what this machine has instead of what the engine's
// had: its image, the sources of binds, the namespaces of pods.
func (b *bundle) adopt(text []byte) {
	config := make(map[string]any)
	if err := json.Unmarshal(text, &config); err != nil {
		panic(err) // spec's tests read them all
	}
	b.config = config
	b.at("root")["path"] = "rootfs"
	delete(config, "hooks")
	for _, name := range []string{"apparmorProfile", "selinuxLabel"} {
		delete(b.at("process"), name)
	}
	linux := b.at("linux")
	for _, name := range []string{"cgroupsPath", "mountLabel", "intelRdt"} {
		delete(linux, name)
	}
	if resources, ok := linux["resources"].(map[string]any); ok {
		// With the two shares of a pod's sandbox the probe would not come to its end on a busy machine.
		if cpu, ok := resources["cpu"].(map[string]any); ok && cpu["shares"] == 2.0 {
			cpu["shares"] = 2000
		}
	}
	b.joinHeld()
	b.adoptMounts()
	if maps, ok := linux["uidMappings"].([]any); ok && len(maps) > 0 {
		root := int(maps[0].(map[string]any)["hostID"].(float64))
		b.sh(fmt.Sprintf("chown -R %d:%d .", root, root))
	}
}

// joinHeld has the config join the namespaces of a holder where it joins some.
func (b *bundle) joinHeld() {
	for _, entry := range b.at("linux")["namespaces"].([]any) {
		n := entry.(map[string]any)
		if _, joined := n["path"]; !joined {
			continue
		}
		for link, kind := range kinds {
			if n["type"] == kind {
				n["path"] = b.w.holders[0].path(link)
			}
		}
	}
}

// adoptMounts gives each bind a source of this machine, of the same type: a file, a directory, or a pod's /dev/shm.
func (b *bundle) adoptMounts() {
	mounts, _ := b.config["mounts"].([]any)
	b.config["mounts"] = slices.DeleteFunc(mounts, func(entry any) bool {
		m := entry.(map[string]any)
		options, _ := m["options"].([]any)
		if !slices.Contains(options, any("bind")) && !slices.Contains(options, any("rbind")) {
			return m["type"] == "overlay" // of a volume whose layers are not here
		}
		source, _ := m["source"].(string)
		if _, err := os.Stat(source); err == nil {
			return false
		}
		target := m["destination"].(string)
		switch name := filepath.Base(target); {
		case target == "/dev/shm":
			m["source"] = b.w.dir + "/src/shm"
		case slices.Contains([]string{"hosts", "hostname", "resolv.conf", ".containerenv", "docker-init"}, name),
			strings.Contains(name, "."):
			m["source"] = b.w.dir + "/src/file"
		default:
			m["source"] = b.w.dir + "/src/tree"
		}
		return false
	})
}

// makeShm is what engines make for the containers of a pod to share.
func (w *world) makeShm() error {
	if err := os.MkdirAll(w.dir+"/src/shm", 0o755); err != nil {
		return err
	}
	return unix.Mount("shm", w.dir+"/src/shm", "tmpfs", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC,
		"mode=1777,size=64k")
}
