package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"rt/tests/internal/criu"
)

// The scenarios that restore images.

// restore restores images. When the container has been looked at, the process that comes back looks around.
func (w *world) restore() { w.restoreWith("--parent-path", "../parent") }

func (w *world) restoreWith(options ...string) {
	args := append([]string{"restore", "--bundle", w.bundle, "--image-path", w.dir + "/images"}, options...)
	out, err := os.Create(w.dir + "/out")
	if err != nil {
		w.add("rig: " + err.Error())
		return
	}
	defer out.Close()
	cmd := w.command(append(args, "--detach", w.id)...)
	cmd.Stdout = out
	w.spoil(cmd)
	if w.carryOut(cmd, "restore") {
		w.recorded()
		if err := os.WriteFile(w.rootfs("go"), nil, 0o644); err != nil {
			w.add("rig: " + err.Error())
		}
		w.untilStopped()
		_ = os.Remove(w.rootfs("go"))
	}
	w.rt("delete", "--force", w.id)
	inside, _ := os.ReadFile(out.Name())
	w.addLines("inside: ", string(inside))
	text, _ := os.ReadFile(w.dir + "/criu")
	w.addLines("", string(text))
}

// recorded adds what rt has written down of the container, and its limit.
func (w *world) recorded() {
	w.list("created: ", w.dir+"/state/"+w.id)
	text, _ := os.ReadFile(w.dir + "/state/" + w.id + "/state.json")
	w.add(fmt.Sprintf("created: keyring %v", strings.Contains(string(text), `"keyring"`)))
	for _, dir := range cgroupsOf(w.id) {
		if limit, err := os.ReadFile(dir + "/pids.max"); err == nil {
			w.add("created: pids.max " + string(limit))
		}
	}
}

// restoreInPod restores a container that is in the network namespace of a pod.
func (w *world) restoreInPod() {
	w.besidePod(func() {
		path := "/proc/" + strconv.Itoa(w.pod) + "/ns/net"
		if err := w.writeImages(criu.Image{Host: []string{"net"}, Net: path}); err != nil {
			w.add("rig: " + err.Error())
		}
		w.restore()
	})
}

// images are what the stand-in for CRIU restores. The image's "data" is gone, and it has a mount.
func images(w *world) error {
	if err := os.Mkdir(w.dir+"/images", 0o700); err != nil {
		return err
	}
	err := os.WriteFile(w.dir+"/images/descriptors.json",
		[]byte(`["pipe:[11]","/dev/null","pipe:[12]","null:file[1:2]"]`), 0o600)
	if err == nil {
		err = w.writeImages(criu.Image{})
	}
	if err == nil {
		err = os.Mkdir(w.rootfs("below"), 0o755)
	}
	if err == nil {
		err = unix.Mount("below", w.rootfs("below"), "tmpfs", 0, "size=64k")
	}
	if err == nil {
		err = os.WriteFile(w.rootfs("below/file"), nil, 0o644)
	}
	if err != nil {
		return err
	}
	return os.Remove(w.rootfs("data"))
}

// writeImages completes an image, with the rights that `rt spec` gives.
func (w *world) writeImages(i criu.Image) error {
	i.Bounding, i.NoNewPrivs = []int{unix.CAP_KILL, unix.CAP_NET_BIND_SERVICE, unix.CAP_AUDIT_WRITE}, true
	const wait = "while [ ! -e /go ]; do sleep 0.05; done; "
	i.Program, i.Facts = []string{"/bin/sh", "-c", wait + look}, w.dir+"/criu"
	text, err := json.Marshal(i)
	if err != nil {
		return err
	}
	return os.WriteFile(w.dir+"/images/inventory.img", text, 0o600)
}

// imagesWithFIFO are images that CRIU would wait for.
func imagesWithFIFO(w *world) error {
	if err := images(w); err != nil {
		return err
	}
	return unix.Mkfifo(w.dir+"/images/core-1.img", 0o600)
}

// noImages is a directory without images.
func noImages(w *world) error { return os.Mkdir(w.dir+"/images", 0o700) }

// restoredInPod is a container whose network is a pod's.
func restoredInPod(w *world, c config) {
	restored(w, c)
	var own []any
	for _, n := range c.at("linux")["namespaces"].([]any) {
		if n.(map[string]any)["type"] != "network" {
			own = append(own, n)
		}
	}
	c.at("linux")["namespaces"] = append(own, map[string]any{
		"type": "network", "path": "/proc/" + strconv.Itoa(max(w.pod, 1)) + "/ns/net",
	})
}

// restored is a container with a volume, hooks and a limit.
func restored(w *world, c config) {
	withHooks(w, c)
	delete(c.at("linux"), "seccomp")
	c.at("root")["readonly"] = true
	c.at("process")["user"] = map[string]any{"uid": 0, "gid": 0}
	c.at("linux", "resources")["pids"] = map[string]any{"limit": 77}
	c["annotations"] = map[string]any{"org.criu.config": w.dir + "/criu.conf"}
	c.mount("/data", "bind", w.dir+"/source", "rbind")
}
