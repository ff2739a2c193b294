package libcontainer

import (
	"errors"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/libcontainer/host"
)

// shared makes a directory of the host with a file of user uid in it, to be bound.
func shared(t *testing.T, uid int) string {
	t.Helper()
	dir := t.TempDir()
	must(t, os.Chmod(dir, 0o755))
	must(t, os.WriteFile(dir+"/file", nil, 0o644))
	must(t, os.Chown(dir+"/file", uid, uid))
	return dir
}

func mapping(container, host, size int) []any {
	return []any{map[string]any{"containerID": container, "hostID": host, "size": size}}
}

// mapped is a bind mount of source at /data with its ids mapped.
func mapped(source string, ids []any, options ...string) map[string]any {
	m := map[string]any{"destination": "/data", "source": source, "options": options}
	if ids != nil {
		m["uidMappings"], m["gidMappings"] = ids, ids
	}
	return m
}

func owner(t *testing.T, path string) string {
	t.Helper()
	var st unix.Stat_t
	must(t, unix.Lstat(path, &st))
	return strconv.Itoa(int(st.Uid)) + ":" + strconv.Itoa(int(st.Gid))
}

// needsIDMaps skips on kernels that can't map the ids of a mount.
func needsIDMaps(t *testing.T) {
	t.Helper()
	if f := host.Probe(); !f.Has(host.IDMapMount) {
		t.Skip("needs Linux 5.12 and CAP_SYS_ADMIN, for MOUNT_ATTR_IDMAP")
	}
}

func TestIDMappedMount(t *testing.T) {
	needsIDMaps(t)
	bundle := newBundle(t, nil)
	source := shared(t, 5)
	const look = "busybox stat -c %u:%g /data/file; echo >/data/new; busybox stat -c %u:%g /data/new; rm /data/new"
	t.Run("without a user namespace", func(t *testing.T) {
		// User 5 on the disk is 1005 in the container; the container's root, 0, is nobody on the disk, and so may not
		// write.
		said, err := outputOf(t, bundle, "busybox stat -c %u:%g /data/file; busybox touch /data/new",
			func(config map[string]any) {
				addMount(config, mapped(source, mapping(0, 1000, 10), "bind", "idmap"))
			})
		if err != nil || said != "1005:1005\ntouch: /data/new: Value too large for defined data type\n" {
			t.Errorf("%v, and the container sees %q", err, said)
		}
	})
	t.Run("with the container's user namespace", func(t *testing.T) {
		said, err := outputOf(t, bundle, strings.TrimSuffix(look, "; rm /data/new"), func(config map[string]any) {
			userNamespace(t, config, bundle, 100000)
			addMount(config, mapped(source, nil, "bind", "idmap"))
		})
		if err != nil || said != "5:5\n0:0\n" {
			t.Errorf("%v, and the container sees %q", err, said)
		}
		if o := owner(t, source+"/new"); o != "0:0" {
			t.Errorf("on the host the container's new file is %s's", o)
		}
	})
	t.Run("with mappings of its own in a user namespace", func(t *testing.T) {
		said, err := outputOf(t, bundle, "busybox stat -c %u:%g /data/file", func(config map[string]any) {
			userNamespace(t, config, bundle, 100000)
			addMount(config, mapped(source, mapping(5, 100042, 1), "bind", "idmap"))
		})
		if err != nil || said != "42:42\n" {
			t.Errorf("%v, and the container sees %q", err, said)
		}
	})
	t.Run("with the joined user namespace", func(t *testing.T) {
		holder := exec.Command("sleep", "60")
		ids := []syscall.SysProcIDMap{{ContainerID: 0, HostID: 100000, Size: 1000}}
		holder.SysProcAttr = &syscall.SysProcAttr{
			Cloneflags: syscall.CLONE_NEWUSER, UidMappings: ids, GidMappings: ids,
			GidMappingsEnableSetgroups: true,
		}
		must(t, holder.Start())
		defer func() { _, _ = holder.Process.Kill(), holder.Wait() }()
		said, err := outputOf(t, bundle, "busybox stat -c %u:%g /data/file", func(config map[string]any) {
			linux := config["linux"].(map[string]any)
			linux["namespaces"] = append(linux["namespaces"].([]any),
				map[string]any{"type": "user", "path": "/proc/" + strconv.Itoa(holder.Process.Pid) + "/ns/user"})
			must(t, os.Chown(bundle+"/rootfs", 100000, 100000))
			addMount(config, mapped(source, nil, "bind", "idmap"))
		})
		if err != nil || said != "5:5\n" {
			t.Errorf("%v, and the container sees %q", err, said)
		}
	})
	t.Run("a new tmpfs", func(t *testing.T) {
		mount := tmpfs("/data", "idmap", "uid=7", "gid=7")
		mount["uidMappings"], mount["gidMappings"] = mapping(0, 1000, 10), mapping(0, 2000, 10)
		said, err := outputOf(t, bundle, "busybox stat -c %u:%g /data",
			func(config map[string]any) { addMount(config, mount) })
		if errors.Is(err, unix.EINVAL) {
			t.Skip("a tmpfs can have its ids mapped since Linux 6.3")
		}
		if err != nil || said != "1007:2007\n" {
			t.Errorf("%v, and the container sees %q", err, said)
		}
	})
}

// TestIDMappingOfATree binds a directory with another mount below it: idmap is for the top, ridmap for all.
func TestIDMappingOfATree(t *testing.T) {
	needsIDMaps(t)
	bundle := newBundle(t, nil)
	source := shared(t, 5)
	must(t, os.Mkdir(source+"/below", 0o755))
	below := shared(t, 5)
	must(t, unix.Mount(below, source+"/below", "", unix.MS_BIND, ""))
	t.Cleanup(func() { must(t, unix.Unmount(source+"/below", 0)) })
	for option, want := range map[string]string{"idmap": "1005\n5\n", "ridmap": "1005\n1005\n"} {
		said, err := outputOf(t, bundle, "busybox stat -c %u /data/file /data/below/file", func(config map[string]any) {
			addMount(config, mapped(source, mapping(0, 1000, 10), "rbind", option))
		})
		if err != nil || said != want {
			t.Errorf("%s: %v, and the container sees %q", option, err, said)
		}
	}
}

// TestIDMappingRefused has the kernel refuse: a file system of the kernel's own can't map ids.
func TestIDMappingRefused(t *testing.T) {
	needsIDMaps(t)
	bundle := newBundle(t, nil)
	for name, userNS := range map[string]bool{"by the boot process": false, "by rt": true} {
		_, err := outputOf(t, bundle, "true", func(config map[string]any) {
			if userNS {
				userNamespace(t, config, bundle, 100000)
			}
			addMount(config, mapped("/proc/sys", mapping(0, 100000, 10), "bind", "idmap"))
		})
		var e *diag.Error
		if !errors.As(err, &e) || !strings.HasPrefix(e.Field, "mounts[") || e.Call != "mount_setattr" ||
			e.Errno != unix.EINVAL || !strings.Contains(e.Hint, "file system") {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := outputOf(t, bundle, "true", func(config map[string]any) {
		addMount(config, mapped("/", append(mapping(0, 100000, 10), mapping(5, 7, 10)...), "bind", "idmap"))
	})
	var e *diag.Error
	if !errors.As(err, &e) || !strings.HasSuffix(strings.Split(e.Field, "[1]")[0], ".uidMappings") {
		t.Errorf("mappings that overlap: %v", err)
	}
}

// TestUserNamespacesAreShared checks that mounts with the same mappings cost one process, and that none is left.
func TestUserNamespacesAreShared(t *testing.T) {
	needsIDMaps(t)
	bundle := newBundle(t, nil)
	source := shared(t, 5)
	said, err := outputOf(t, bundle, "busybox stat -c %u /data/file /other/file", func(config map[string]any) {
		addMount(config, mapped(source, mapping(0, 1000, 10), "bind", "idmap"))
		other := mapped(source, mapping(0, 1000, 10), "bind", "idmap")
		other["destination"] = "/other"
		addMount(config, other)
	})
	if err != nil || said != "1005\n1005\n" {
		t.Errorf("%v, and the container sees %q", err, said)
	}
	if pid, err := unix.Wait4(-1, nil, unix.WNOHANG|unix.WALL, nil); err != unix.ECHILD {
		t.Errorf("a process is left: %d, %v", pid, err)
	}
}
