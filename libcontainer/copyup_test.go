package libcontainer

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
)

// outputOf runs a shell script in a container of bundle, and returns what it writes to /out/said.
func outputOf(t *testing.T, bundle, script string, edit func(config map[string]any)) (string, error) {
	t.Helper()
	out := t.TempDir()
	must(t, os.Chmod(out, 0o777))
	// before Linux 5.12 the root of a user namespace has to get there itself
	must(t, os.Chmod(filepath.Dir(out), 0o755))
	writeConfig(t, bundle, func(config map[string]any) {
		config["process"].(map[string]any)["args"] = []string{
			"/bin/busybox", "sh", "-c",
			"exec >/out/said 2>&1; " + script,
		}
		all := []string{"CAP_DAC_OVERRIDE"}
		config["process"].(map[string]any)["capabilities"] = map[string]any{
			"bounding": all, "effective": all,
			"permitted": all,
		}
		addMount(config, map[string]any{"destination": "/out", "source": out, "options": []string{"bind"}})
		edit(config)
	})
	r := &tested{Runtime: Runtime{Root: t.TempDir()}}
	_, err := r.run("copyup-"+strconv.Itoa(os.Getpid()), &RunOptions{CreateOptions: CreateOptions{Bundle: bundle}})
	said, _ := os.ReadFile(filepath.Join(out, "said"))
	return string(said), err
}

func addMount(config, mount map[string]any) {
	config["mounts"] = append(config["mounts"].([]any), mount)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// userNamespace gives a container a user namespace that starts at host id first, and its root file system a way for it
// to be reached.
func userNamespace(t *testing.T, config map[string]any, bundle string, first int) {
	t.Helper()
	linux := config["linux"].(map[string]any)
	linux["namespaces"] = append(linux["namespaces"].([]any), map[string]any{"type": "user"})
	linux["uidMappings"] = []any{map[string]any{"containerID": 0, "hostID": first, "size": 1000}}
	linux["gidMappings"] = linux["uidMappings"]
	// Root of the container, who is not root of the host, has to get there, and makes the mount points.
	must(t, os.Chmod(filepath.Dir(bundle), 0o755))
	must(t, os.Chown(filepath.Join(bundle, "rootfs"), first, first))
}

func tmpfs(destination string, options ...string) map[string]any {
	return map[string]any{"destination": destination, "type": "tmpfs", "source": "tmpfs", "options": options}
}

// imageData puts a directory into a bundle's root file system: owned by uid, with a file in it.
func imageData(t *testing.T, bundle string, uid int) string {
	t.Helper()
	dir := filepath.Join(bundle, "rootfs", "data")
	must(t, os.MkdirAll(dir, 0o755))
	must(t, os.WriteFile(dir+"/file", []byte("from the image\n"), 0o644))
	must(t, unix.Chmod(dir, 0o1775))
	for _, path := range []string{dir, dir + "/file"} {
		must(t, os.Chown(path, uid, uid+1))
	}
	return dir
}

func TestTmpcopyup(t *testing.T) {
	bundle := newBundle(t, nil)
	data := imageData(t, bundle, 7)
	const look = "busybox stat -c '%a %u:%g %n' /data /data/file; cat /data/file; " +
		"busybox touch /data/new || echo read-only"
	for name, test := range map[string]struct {
		mount map[string]any
		want  string
	}{
		"all":      {tmpfs("/data", "tmpcopyup"), "1775 0:0 /data\n644 7:8 /data/file\nfrom the image\n"},
		"own mode": {tmpfs("/data", "tmpcopyup", "mode=700"), "700 0:0 /data\n644 7:8 /data/file\nfrom the image\n"},
		"own owner": {
			tmpfs("/data", "tmpcopyup", "uid=3", "gid=4"),
			"1775 3:4 /data\n644 7:8 /data/file\nfrom the image\n",
		},
		"read-only": {
			tmpfs("/data", "tmpcopyup", "ro"),
			"1775 0:0 /data\n644 7:8 /data/file\nfrom the image\ntouch: /data/new: Read-only file system\n" +
				"read-only\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			said, err := outputOf(t, bundle, look, func(config map[string]any) { addMount(config, test.mount) })
			if err != nil || said != test.want {
				t.Errorf("%v, and the container sees\n%s", err, said)
			}
			if _, err := os.Lstat(data + "/new"); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("what the container wrote is in the image: %v", err)
			}
		})
	}
	t.Run("a mount point that the image lacks", func(t *testing.T) {
		said, err := outputOf(t, bundle, "busybox stat -c %a /lacks/deep; ls -A /lacks/deep",
			func(config map[string]any) {
				addMount(config, tmpfs("/lacks/deep", "tmpcopyup"))
			})
		if err != nil || said != "1777\n" {
			t.Errorf("%v, and the container sees %q", err, said)
		}
	})
	t.Run("in a user namespace", func(t *testing.T) {
		imageData(t, bundle, 100007)
		said, err := outputOf(t, bundle, look, func(config map[string]any) {
			userNamespace(t, config, bundle, 100000)
			addMount(config, tmpfs("/data", "tmpcopyup"))
		})
		if want := "1775 0:0 /data\n644 7:8 /data/file\nfrom the image\n"; err != nil || said != want {
			t.Errorf("%v, and the container sees\n%s", err, said)
		}
	})
}

// TestTmpcopyupKeepsSecrets has a file that the root of a user namespace could not read, since its owner is not mapped
// there. Kernels differ in whether a tmpfs of the namespace can have such an owner, but none must let the container
// read the file.
func TestTmpcopyupKeepsSecrets(t *testing.T) {
	bundle := newBundle(t, nil)
	data := imageData(t, bundle, 100000)
	must(t, os.Chown(data+"/file", 0, 0))
	must(t, os.Chmod(data+"/file", 0o640))
	run := func() (string, error) {
		return outputOf(t, bundle, "busybox stat -c '%a %u:%g' /data/file; cat /data/file",
			func(config map[string]any) {
				userNamespace(t, config, bundle, 100000)
				addMount(config, tmpfs("/data", "tmpcopyup"))
			})
	}
	said, err := run()
	var e *diag.Error
	switch {
	case err == nil:
		if said != "640 65534:65534\ncat: can't open '/data/file': Permission denied\n" {
			t.Errorf("the container sees %q", said)
		}
	case !errors.As(err, &e) || !strings.HasPrefix(e.Field, "mounts[") || e.Value != "tmpcopyup" ||
		!strings.Contains(e.Problem, "/data: /file can't be copied: its owner"):
		t.Errorf("error %v", err)
	}
	// What everybody may read is copied, and does not become a program with the rights of the container's root.
	must(t, os.Chmod(data+"/file", 0o755|os.ModeSetuid))
	if said, err := run(); err != nil || said != "4755 65534:65534\nfrom the image\n" &&
		said != "755 0:0\nfrom the image\n" {
		t.Errorf("%v, and the container sees %q", err, said)
	}
}

func TestTmpcopyupIntoTooLittle(t *testing.T) {
	bundle := newBundle(t, nil)
	data := imageData(t, bundle, 0)
	must(t, os.WriteFile(data+"/big", make([]byte, 1<<20), 0o644))
	_, err := outputOf(t, bundle, "true",
		func(config map[string]any) { addMount(config, tmpfs("/data", "tmpcopyup", "size=64k")) })
	var e *diag.Error
	if !errors.As(err, &e) || e.Errno != unix.ENOSPC || !strings.Contains(e.Hint, "size") ||
		!strings.Contains(e.Problem, "/big") {
		t.Errorf("error %v", err)
	}
}
