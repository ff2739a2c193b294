package main

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

// world is a containerd and a dockerd that know all contenders, and the image in each engine's store. Podman has no
// daemon.
type world struct {
	dir     string
	daemons []*exec.Cmd
}

func newWorld(field []contender) (w *world, err error) {
	w = &world{}
	if w.dir, err = os.MkdirTemp("", "rt-bench-engines-"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			w.close()
		}
	}()
	archive := filepath.Join(w.dir, "image.tar")
	if err := writeImage(archive); err != nil {
		return nil, err
	}
	if err := w.start("containerd", "--config", os.DevNull); err != nil {
		return nil, err
	}
	docker := []string{"--containerd", "/run/containerd/containerd.sock"}
	for _, c := range field {
		docker = append(docker, "--add-runtime", dockerName(c)+"="+c.path)
	}
	if err := w.start("dockerd", docker...); err != nil {
		return nil, err
	}
	for _, command := range []string{
		"ctr version", "docker version", "ctr image import " + archive,
		"docker load --input " + archive, "podman load --input " + archive,
	} {
		if err := eventually(strings.Fields(command)); err != nil {
			return nil, err
		}
	}
	return w, nil
}

// start starts a daemon, which writes to a log of its own.
func (w *world) start(name string, args ...string) error {
	log, err := os.Create(filepath.Join(w.dir, name+".log"))
	if err != nil {
		return err
	}
	defer log.Close()
	d := exec.Command(name, args...)
	d.Stdout, d.Stderr = log, log
	if err := d.Start(); err != nil {
		return err
	}
	w.daemons = append(w.daemons, d)
	return nil
}

// close ends the daemons, the youngest first.
func (w *world) close() {
	for _, d := range slices.Backward(w.daemons) {
		_ = d.Process.Signal(syscall.SIGTERM)
		_ = d.Wait()
	}
	_ = os.RemoveAll(w.dir)
}

// versions tells those of the engines, one on a line.
func (w *world) versions() string {
	var b strings.Builder
	for _, name := range []string{"docker", "podman", "containerd"} {
		command := []string{name, "--version"}
		if name == "docker" {
			command = []string{name, "version", "--format", "docker {{.Server.Version}} (client {{.Client.Version}})"}
		}
		text, err := exec.Command(command[0], command[1:]...).Output()
		if err != nil {
			text = []byte(name + ": " + err.Error())
		}
		fmt.Fprintf(&b, "%s\n", strings.TrimSpace(string(text)))
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// eventually runs a command until it succeeds, for ten seconds: a daemon listens a moment after its start.
func eventually(argv []string) error {
	for began := time.Now(); ; time.Sleep(100 * time.Millisecond) {
		output, err := exec.Command(argv[0], argv[1:]...).CombinedOutput()
		if err == nil {
			return nil
		}
		if time.Since(began) > 10*time.Second {
			return fmt.Errorf("%s: %w: %s", strings.Join(argv, " "), err, bytes.TrimSpace(output))
		}
	}
}

// writeImage writes an archive as docker save does, of one layer: the static busybox, and true.
func writeImage(path string) error {
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		return err
	}
	program, err := os.ReadFile(busybox)
	if err != nil {
		return err
	}
	var layer bytes.Buffer
	l := tar.NewWriter(&layer)
	for _, h := range []*tar.Header{
		{Name: "bin/", Typeflag: tar.TypeDir, Mode: 0o755},
		{Name: "bin/busybox", Typeflag: tar.TypeReg, Mode: 0o755, Size: int64(len(program))},
		{Name: "bin/true", Typeflag: tar.TypeSymlink, Linkname: "busybox", Mode: 0o777},
	} {
		if err := l.WriteHeader(h); err != nil {
			return err
		}
		if h.Typeflag == tar.TypeReg {
			if _, err := l.Write(program); err != nil {
				return err
			}
		}
	}
	if err := l.Close(); err != nil {
		return err
	}
	config, err := json.Marshal(map[string]any{
		"architecture": runtime.GOARCH, "os": "linux", "config": map[string]any{"Env": []string{"PATH=/bin"}},
		"rootfs": map[string]any{"type": "layers", "diff_ids": []string{fmt.Sprintf("sha256:%x",
			sha256.Sum256(layer.Bytes()))}},
	})
	if err != nil {
		return err
	}
	manifest, err := json.Marshal([]map[string]any{{
		"Config": "config.json", "RepoTags": []string{image},
		"Layers": []string{"layer.tar"},
	}})
	if err != nil {
		return err
	}
	var whole bytes.Buffer
	a := tar.NewWriter(&whole)
	for _, f := range []struct {
		name string
		data []byte
	}{{"manifest.json", manifest}, {"config.json", config}, {"layer.tar", layer.Bytes()}} {
		if err := a.WriteHeader(&tar.Header{
			Name: f.name, Typeflag: tar.TypeReg, Mode: 0o644,
			Size: int64(len(f.data)),
		}); err != nil {
			return err
		}
		if _, err := a.Write(f.data); err != nil {
			return err
		}
	}
	if err := a.Close(); err != nil {
		return err
	}
	return os.WriteFile(path, whole.Bytes(), 0o600)
}
