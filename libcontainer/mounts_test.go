package libcontainer

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"rt/libcontainer/host"
)

func bindMount(destination, source string, options ...string) map[string]any {
	return map[string]any{
		"destination": destination, "type": "bind", "source": source,
		"options": append([]string{"rbind"}, options...),
	}
}

// TestMountsSeeEarlierMounts: what a mount point, a source or a mode is turns out when the turn of the mount comes, and
// not in the bare image.
func TestMountsSeeEarlierMounts(t *testing.T) {
	source := t.TempDir()
	must(t, os.Chmod(source, 0o755))
	// before Linux 5.12 the root of a user namespace has to get there itself
	must(t, os.Chmod(filepath.Dir(source), 0o755))
	must(t, os.MkdirAll(source+"/links/dir", 0o755))
	must(t, unix.Chmod(source+"/links/dir", 0o1751))
	must(t, os.Symlink("../real/sub", source+"/links/down"))
	must(t, os.Symlink("/real/file", source+"/links/file"))
	must(t, os.MkdirAll(source+"/data", 0o755))
	must(t, os.WriteFile(source+"/data/f", []byte("data"), 0o644))
	links := bindMount("/opt", source+"/links")
	for name, test := range map[string]struct {
		image  func(root string)
		mounts func(root string) []map[string]any
		script string
		want   string
	}{
		"a directory behind a link that a mount brings": {
			nil, func(string) []map[string]any {
				return []map[string]any{
					links,
					bindMount("/opt/down", source+"/data"),
				}
			}, "cat /real/sub/f", "data",
		},
		"a file behind a link that a mount brings": {
			nil, func(string) []map[string]any {
				return []map[string]any{links, bindMount("/opt/file", source+"/data/f")}
			}, "cat /real/file", "data",
		},
		"nothing is made where a covered link led to": {
			func(root string) {
				must(t, os.MkdirAll(root+"/opt", 0o755))
				must(t, os.Symlink("/old", root+"/opt/new"))
			},
			func(string) []map[string]any {
				return []map[string]any{tmpfs("/opt"), bindMount("/opt/new", source+"/data")}
			},
			"cat /opt/new/f; test -e /old && echo made", "data",
		},
		"a source that a mount brings": {
			nil, func(root string) []map[string]any {
				return []map[string]any{
					bindMount("/opt", source), bindMount("/mnt", root+"/opt/data"),
					bindMount("/one", root+"/opt/data/f"),
				}
			}, "cat /mnt/f /one", "datadata",
		},
		"a source that a mount covers": {
			func(root string) { must(t, os.MkdirAll(root+"/opt/data/f", 0o755)) },
			func(root string) []map[string]any {
				return []map[string]any{bindMount("/opt", source), bindMount("/one", root+"/opt/data/f")}
			}, "cat /one", "data",
		},
		"a tmpfs with the mode of what a mount brings": {
			nil, func(string) []map[string]any { return []map[string]any{links, tmpfs("/opt/dir")} },
			"busybox stat -c %a /opt/dir", "1751\n",
		},
		"a read-only tmpfs with the mode of what a mount brings": {
			nil, func(string) []map[string]any { return []map[string]any{links, tmpfs("/opt/dir", "ro")} },
			"busybox stat -c %a /opt/dir; busybox touch /opt/dir/x 2>/dev/null && echo writable", "1751\n",
		},
		"tmpcopyup behind a link to nothing": {
			func(root string) { must(t, os.Symlink("/run/real", root+"/copied")) },
			func(string) []map[string]any { return []map[string]any{tmpfs("/copied", "tmpcopyup", "mode=1777")} },
			"busybox stat -c %a /run/real", "1777\n",
		},
	} {
		for _, users := range []bool{false, true} {
			t.Run(name+map[bool]string{true: ", in a user namespace"}[users], func(t *testing.T) {
				bundle := newBundle(t, nil)
				root := bundle + "/rootfs"
				if test.image != nil {
					test.image(root)
				}
				said, err := outputOf(t, bundle, test.script, func(config map[string]any) {
					for _, m := range test.mounts(root) {
						addMount(config, m)
					}
					if users {
						userNamespace(t, config, bundle, 100000)
					}
				})
				if err != nil || said != test.want {
					t.Fatalf("%v, and the container says %q, not %q", err, said, test.want)
				}
			})
		}
	}
}

// TestBindFlags: with a word about a flag a bind mount has the flags of its options, whatever its source has, and
// without one those of its source.
func TestBindFlags(t *testing.T) {
	if !apart(t) {
		return
	}
	source := t.TempDir()
	must(t, unix.Mount("tmpfs", source, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC|unix.MS_NOATIME, ""))
	t.Cleanup(func() { _ = unix.Unmount(source, unix.MNT_DETACH) })
	facts := host.Probe()
	for options, want := range map[string]string{
		"":               "rw,nosuid,nodev,noexec,noatime",
		"rprivate":       "rw,nosuid,nodev,noexec,noatime",
		"rw":             "rw,noatime",
		"ro":             "ro,noatime",
		"nosuid":         "rw,nosuid,noatime",
		"async":          "rw,noatime",
		"suid dev exec":  "rw,noatime",
		"relatime":       "rw,relatime",
		"rro":            "ro,nosuid,nodev,noexec,noatime",
		"rw rro":         "ro,noatime",
		"nodiratime":     "rw,nodiratime,relatime",
		"exec nosuid ro": "ro,nosuid,noatime",
	} {
		t.Run(options, func(t *testing.T) {
			if strings.Contains(options, "rro") && !facts.Has(host.MountSetattr) {
				t.Skip("needs Linux 5.12, for options of a whole tree")
			}
			bundle := newBundle(t, nil)
			said, err := outputOf(t, bundle, "busybox grep ' /mnt ' /proc/self/mountinfo | busybox cut -d' ' -f6",
				func(config map[string]any) {
					addMount(config, bindMount("/mnt", source, strings.Fields(options)...))
				})
			if err != nil || said != want+"\n" {
				t.Errorf("%v, and the mount has %q, not %q", err, said, want)
			}
		})
	}
}

// TestBindFlagsStayInUserNamespaces: there the flags of the source stay, since the container's root may not take them
// away.
func TestBindFlagsStayInUserNamespaces(t *testing.T) {
	if !apart(t) {
		return
	}
	source := t.TempDir()
	must(t, os.Chmod(source, 0o755))
	must(t, unix.Mount("tmpfs", source, "tmpfs", unix.MS_NOSUID|unix.MS_NOEXEC, "mode=755"))
	t.Cleanup(func() { _ = unix.Unmount(source, unix.MNT_DETACH) })
	bundle := newBundle(t, nil)
	said, err := outputOf(t, bundle, "busybox grep ' /mnt ' /proc/self/mountinfo | busybox cut -d' ' -f6",
		func(config map[string]any) {
			userNamespace(t, config, bundle, 100000)
			addMount(config, bindMount("/mnt", source, "rw", "nodev"))
		})
	if err != nil || said != "rw,nosuid,nodev,noexec,relatime\n" {
		t.Errorf("%v, and the mount has %q", err, said)
	}
}

// TestLinksOfBindMounts: the words for sources and destinations that are symbolic links.
func TestLinksOfBindMounts(t *testing.T) {
	source := t.TempDir()
	must(t, os.Chmod(source, 0o755))
	must(t, os.Symlink("nowhere", source+"/link"))
	must(t, os.WriteFile(source+"/file", []byte("file"), 0o644))
	for name, test := range map[string]struct {
		mount  map[string]any
		script string
		want   string
		err    string
	}{
		"a link is copied": {
			bindMount("/d/l", source+"/link", "copy-symlink"), "busybox readlink /d/l",
			"nowhere\n", "",
		},
		"one is there that says the same": {
			bindMount("/same", source+"/link", "copy-symlink"),
			"busybox readlink /same", "nowhere\n", "",
		},
		"one is there that does not": {
			bindMount("/other", source+"/link", "copy-symlink"), "", "",
			"a symbolic link to",
		},
		"a file is there": {
			bindMount("/plain", source+"/link", "copy-symlink"), "", "",
			"something else than",
		},
		"no link, nothing to copy": {bindMount("/d/f", source+"/file", "copy-symlink"), "cat /d/f", "file", ""},
		"a link is mounted itself": {
			bindMount("/other", source+"/link", "src-nofollow", "dest-nofollow"),
			"busybox readlink /other", "nowhere\n", "",
		},
		"a link is covered itself": {
			bindMount("/other", source+"/file", "dest-nofollow"),
			"cat /other; cat /elsewhere 2>/dev/null", "file", "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			bundle := newBundle(t, nil)
			root := bundle + "/rootfs"
			must(t, os.Symlink("nowhere", root+"/same"))
			must(t, os.Symlink("elsewhere", root+"/other"))
			must(t, os.WriteFile(root+"/plain", nil, 0o644))
			said, err := outputOf(t, bundle, test.script, func(config map[string]any) { addMount(config, test.mount) })
			if test.err != "" {
				if err == nil || !strings.Contains(err.Error(), test.err) ||
					!strings.Contains(err.Error(), "copy-symlink") {
					t.Errorf("error %v, and the container says %q", err, said)
				}
				return
			}
			if err != nil || said != test.want {
				t.Errorf("%v, and the container says %q, not %q", err, said, test.want)
			}
		})
	}
}

// TestRootTakesPartInNothing: what the host mounts below root.path while the container runs is not the container's,
// unless the config asks for it.
func TestRootTakesPartInNothing(t *testing.T) {
	if !apart(t) {
		return
	}
	for propagation, want := range map[string]string{"": "gone\n", "rslave": "there\n", "rprivate": "gone\n"} {
		t.Run(propagation, func(t *testing.T) {
			bundle := newBundle(t, nil)
			root := bundle + "/rootfs"
			must(t, unix.Mount(root, root, "", unix.MS_BIND, ""))
			must(t, unix.Mount("", root, "", unix.MS_SHARED, ""))
			t.Cleanup(func() { _ = unix.Unmount(root, unix.MNT_DETACH) })
			must(t, os.MkdirAll(root+"/later", 0o755))
			hook := bundle + "/hook"
			must(t, os.WriteFile(hook,
				[]byte("#!/bin/sh\nmount -t tmpfs tmpfs "+root+"/later && touch "+root+"/later/x\n"), 0o755))
			t.Cleanup(func() { _ = unix.Unmount(root+"/later", unix.MNT_DETACH) })
			said, err := outputOf(t, bundle, "test -e /later/x && echo there || echo gone",
				func(config map[string]any) {
					if propagation != "" {
						config["linux"].(map[string]any)["rootfsPropagation"] = propagation
					}
					config["hooks"] = map[string]any{"createRuntime": []any{map[string]any{"path": hook}}}
				})
			if err != nil || said != want {
				t.Errorf("%v, and the container says %q, not %q", err, said, want)
			}
		})
	}
}

// TestProcIsProc: at /proc there is a procfs, and nothing that looks like one.
func TestProcIsProc(t *testing.T) {
	source := t.TempDir()
	for name, c := range map[string]struct {
		mount map[string]any
		want  string
	}{
		"a tmpfs":           {tmpfs("/proc"), "can't be at /proc"},
		"a bind":            {bindMount("/proc", source), "is no procfs"},
		"a bind of another": {bindMount("/proc", "/proc"), ""},
		"a bind in it":      {bindMount("/proc/uptime", "/etc/passwd"), ""},
	} {
		_, err := outputOf(t, newBundle(t, nil), "true", func(config map[string]any) { addMount(config, c.mount) })
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: error %v, want one with %q", name, err, c.want)
		}
	}
}
