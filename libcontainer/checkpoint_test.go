package libcontainer

import (
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/libcontainer/criu"
	"rt/libcontainer/state"
)

func init() { children["criu"] = fakeCRIU }

// fakeCRIU is a criu that fails as FAKE says. It speaks as much protobuf as that takes: a request begins with 8 and its
// kind, an answer has 8 and the kind, 16 and the success.
func fakeCRIU() {
	const socket = 3
	request := make([]byte, 64<<10)
	n, err := unix.Read(socket, request)
	if err != nil || n < 2 {
		os.Exit(1)
	}
	kind, fake := request[1], os.Getenv("FAKE")
	switch criu.Kind(kind) {
	case criu.VersionQuery:
		minor := byte(17)
		if fake == "old" {
			minor = 14
		}
		_, _ = unix.Write(socket, []byte{8, kind, 16, 1, 10<<3 | 2, 4, 8, 3, 16, minor})
	case criu.FeatureCheck:
		_, _ = unix.Write(socket, []byte{8, kind, 16, 1, 8<<3 | 2, 0})
	default:
		switch fake {
		case "refuses":
			_, _ = unix.Write(socket, append([]byte{8, kind, 16, 0, 9<<3 | 2, 5}, "never"...))
		case "dies":
			// Field 44 is where CRIU stops the container, before it does anything else.
			tag := binary.AppendUvarint(nil, 44<<3|2)
			if _, rest, ok := strings.Cut(string(request[:n]), string(tag)); ok {
				dir := rest[1 : 1+rest[0]]
				_ = os.WriteFile(dir+"/freezer.state", []byte("FROZEN"), 0)
				_ = os.WriteFile(dir+"/cgroup.freeze", []byte("1"), 0)
			}
			_ = unix.Kill(unix.Getpid(), unix.SIGKILL)
		}
	}
}

// playCRIU puts fakeCRIU into PATH.
func playCRIU(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	self, err := os.Executable()
	must(t, err)
	must(t, os.WriteFile(dir+"/criu", []byte("#!/bin/sh\nRT_TEST_CHILD=criu exec "+self+" \"$@\"\n"), 0o755))
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
}

// TestCRIUFails has CRIU fail in several ways. Whatever it does, the container is as it was before, and a restore
// leaves nothing.
func TestCRIUFails(t *testing.T) {
	if !apart(t) {
		return
	}
	bundle := newBundle(
		t,
		func(config map[string]any) { config["process"].(map[string]any)["args"] = []string{"sleep", "1000"} },
	)
	playCRIU(t)
	r := &tested{Runtime: Runtime{Root: t.TempDir()}}
	id := "criu-fails-" + strconv.Itoa(os.Getpid())
	before := look(t)
	if _, err := r.run(id, &RunOptions{CreateOptions: CreateOptions{Bundle: bundle}, Detach: true}); err != nil {
		t.Fatal(err)
	}
	images := filepath.Join(t.TempDir(), "images")
	for _, test := range []struct {
		fake, want string
		change     func(*CheckpointOptions)
	}{
		{"old", "version 3.14, and rt needs 3.15", nil},
		{"refuses", "never", nil},
		{"dies", "SIGKILL", nil},
		{"says nothing", "without a response", nil},
		{"has no features", "--pre-dump", func(o *CheckpointOptions) { o.PreDump = true }},
		{"has no features", "--lazy-pages", func(o *CheckpointOptions) { o.LazyPages, o.PageServer = true, "[::1]:9" }},
	} {
		t.Setenv("FAKE", test.fake)
		o := &CheckpointOptions{ImageOptions: ImageOptions{ImagePath: images}, StatusFD: -1}
		if test.change != nil {
			test.change(o)
		}
		var e *diag.Error
		_, err := r.Container(id).Checkpoint(t.Context(), o)
		if !errors.As(err, &e) || !strings.Contains(e.Error(), test.want) {
			t.Errorf("%s: %v", test.fake, err)
		}
		if _, status, err := r.storedState(id); err != nil || status != state.Running {
			t.Errorf("%s: the container is %s, %v", test.fake, status, err)
		}
	}
	must(t, r.forceDelete(id))
	reapAll()
	requireNothingLeft(t, before, r.Root, id)

	must(t, os.WriteFile(images+"/inventory.img", nil, 0o600))
	for fake, want := range map[string]string{
		"old": "rt needs 3.15", "refuses": "never", "dies": "SIGKILL",
		"says nothing": "without a response",
	} {
		t.Setenv("FAKE", fake)
		o := &RestoreOptions{
			RunOptions:   RunOptions{CreateOptions: CreateOptions{Bundle: bundle}, Detach: true},
			ImageOptions: ImageOptions{ImagePath: images},
		}
		// The streams of the container were files of the host, as those of a test may not be.
		_ = os.Remove(images + "/" + "descriptors.json")
		var e *diag.Error
		if _, err := r.Restore(t.Context(), id, o); !errors.As(err, &e) || !strings.Contains(e.Error(), want) {
			t.Errorf("restore, %s: %v", fake, err)
		}
		requireNothingLeft(t, before, r.Root, id)
	}
}
