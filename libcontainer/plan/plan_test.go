package plan

import (
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"rt/libcontainer/host"
	"rt/nsenter"
	"rt/seccomp"
	"rt/spec"
)

// flaggedBinds are bind mounts with options that say nothing, something and everything about their flags.
const flaggedBinds = `{"mounts": [
	{"destination": "/plain", "source": "/srv/a", "options": ["rbind", "rprivate"]},
	{"destination": "/rw", "source": "/srv/b", "options": ["rbind", "rw"]},
	{"destination": "/some", "source": "/srv/c", "options": ["bind", "nosuid", "exec", "relatime"]}]}`

// withUsers gives a container a user namespace.
const withUsers = `{"linux": {"namespaces": [{"type": "mount"}, {"type": "pid"}, {"type": "user"}],
	"uidMappings": [{"containerID": 0, "hostID": 100000, "size": 65536}],
	"gidMappings": [{"containerID": 0, "hostID": 100000, "size": 65536}]}}`

// TestPlans is the table of golden plans. The first word of a name is the file of this package that it is about.
func TestPlans(t *testing.T) {
	tests := []struct {
		name  string
		host  host.Facts
		edits []string
		set   func(*Options)
	}{
		{"minimal", modern(), nil, nil},
		{"minimal.run", modern(), nil, func(o *Options) { o.Wait = false }},
		{"minimal.linux-5.10", linux510(), nil, nil},
		{"minimal.trace", modern(), nil, func(o *Options) { o.Trace = true }},
		{"namespaces-all", modern(), []string{`{"hostname": "h", "domainname": "d", "linux": {
			"namespaces": [{"type": "mount"}, {"type": "pid"}, {"type": "network"}, {"type": "ipc"}, {"type": "uts"},
			{"type": "cgroup"},
				{"type": "user"}, {"type": "time"}],
			"uidMappings": [{"containerID": 0, "hostID": 100000, "size": 65536}],
			"gidMappings": [{"containerID": 0, "hostID": 100000, "size": 65536}],
			"timeOffsets": {"monotonic": {"secs": 60}, "boottime": {"secs": 3600, "nanosecs": 5}}}}`}, nil},
		{
			"namespaces-joined", modern(),
			[]string{`{"linux": {"namespaces": [{"type": "mount"}, {"type": "pid", "path": "/proc/7/ns/pid"},
			{"type": "network", "path": "/run/netns/n"}, {"type": "ipc", "path": "/proc/7/ns/ipc"},
			{"type": "user", "path": "/proc/7/ns/user"}]}}`},
			nil,
		},
		{
			"namespaces-joined-pid", modern(),
			[]string{`{"linux": {"namespaces": [{"type": "mount"}, {"type": "pid", "path": "/proc/7/ns/pid"},
			{"type": "time"}], "timeOffsets": {"boottime": {"secs": 1}},
			"seccomp": {"defaultAction": "SCMP_ACT_ALLOW"}},
			"process": {"terminal": true, "rlimits": [{"type": "RLIMIT_NPROC", "soft": 5, "hard": 5}]},
			"mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}]}`},
			nil,
		},
		{
			"namespaces-joined-pid.linux-6.17", modern(),
			[]string{`{"linux": {"namespaces": [{"type": "mount"}, {"type": "pid", "path": "/proc/7/ns/pid"}]},
			"mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}]}`},
			func(o *Options) { o.ProcPidNS = false },
		},
		{
			"namespaces-joined.unprivileged", unprivileged(),
			[]string{`{"linux": {"namespaces": [{"type": "mount"}, {"type": "pid"},
			{"type": "network", "path": "/proc/7/ns/net"}, {"type": "user", "path": "/proc/7/ns/user"}]}}`},
			nil,
		},
		{
			"namespaces-joined-outside", modern(),
			[]string{`{"linux": {"namespaces": [{"type": "mount"}, {"type": "pid"},
				{"type": "network", "path": "/proc/1/ns/net"},
			{"type": "user"}], "uidMappings": [{"containerID": 0, "hostID": 100000, "size": 65536}],
			"gidMappings": [{"containerID": 0, "hostID": 100000, "size": 65536}]}}`},
			nil,
		},
		{
			"namespaces-mount-joined", modern(),
			[]string{`{"linux": {"namespaces": [{"type": "mount", "path": "/proc/7/ns/mnt"}]}}`},
			nil,
		},
		{"namespaces-netdevices", modern(), []string{`{"linux": {"namespaces": [{"type": "mount"}, {"type": "network"}],
			"netDevices": {"eth1": {"name": "inside%d"}, "eth0": {}}}}`}, nil},
		{"namespaces-none", modern(), []string{`{"linux": {"namespaces": []}}`}, nil},
		{
			"namespaces-rootless", unprivileged(),
			[]string{`{"linux": {"namespaces": [{"type": "mount"}, {"type": "pid"}, {"type": "user"}],
			"uidMappings": [{"containerID": 0, "hostID": 1000, "size": 1}],
			"gidMappings": [{"containerID": 0, "hostID": 1000, "size": 1}]}}`},
			func(o *Options) { o.SetgroupsDeny, o.CgroupFD = true, false },
		},
		{
			"namespaces-time", modern(),
			[]string{`{"linux": {"namespaces": [{"type": "mount"}, {"type": "time"}],
				"timeOffsets": {"boottime": {"secs": -1}}}}`},
			nil,
		},
		{"cgroup-v1", cgroup1(), []string{`{"mounts": [{"destination": "/sys/fs/cgroup", "type": "cgroup",
			"source": "cgroup", "options": ["ro", "nosuid", "rprivate"]}]}`}, nil},
		{
			"cgroup-v1-user", cgroup1(),
			[]string{`{"linux": {"namespaces": [{"type": "mount"}, {"type": "pid"}, {"type": "user"}],
			"uidMappings": [{"containerID": 0, "hostID": 100000, "size": 65536}],
			"gidMappings": [{"containerID": 0, "hostID": 100000, "size": 65536}]}}`},
			nil,
		},
		{
			"cgroup-v1-namespace", cgroup1(),
			[]string{`{"mounts": [{"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup"}],
			"linux": {"namespaces": [{"type": "mount"}, {"type": "cgroup"}]}}`},
			nil,
		},
		{"cgroup-v2", modern(), []string{`{"mounts": [{"destination": "/sys/fs/cgroup", "type": "cgroup",
			"source": "cgroup", "options": ["ro"]}],
			"linux": {"namespaces": [{"type": "mount"}, {"type": "cgroup"}]}}`}, nil},
		{
			"cgroup-v2-shared", modern(),
			[]string{`{"mounts": [{"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup",
				"options": ["ro"]}],
			"linux": {"namespaces": [{"type": "mount"}]}}`},
			nil,
		},
		{
			"cgroup-v2-shared.linux-5.10", linux510(),
			[]string{`{"mounts": [{"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup",
				"options": ["ro"]}],
			"linux": {"namespaces": [{"type": "mount"}]}}`},
			nil,
		},
		{"cgroup-systemd", modern(), nil, func(o *Options) { o.CgroupFD, o.CgroupAttach = false, true }},
		{"rootfs-readonly", modern(), []string{`{"root": {"readonly": true}}`}, nil},
		{"rootfs-readonly.linux-5.10", linux510(), []string{`{"root": {"readonly": true}}`}, nil},
		{"rootfs-shared", modern(), []string{`{"linux": {"rootfsPropagation": "shared"}}`}, nil},
		{"rootfs-rprivate", modern(), []string{`{"linux": {"rootfsPropagation": "rprivate"}}`}, nil},
		{"rootfs-unbindable", modern(), []string{`{"linux": {"rootfsPropagation": "unbindable"}}`}, nil},
		{"rootfs-no-pivot", modern(), nil, func(o *Options) { o.NoPivot, o.KernelMounts = true, procAndSys }},
		{
			"rootfs-no-pivot-shared", modern(),
			[]string{`{"linux": {"rootfsPropagation": "shared"}}`},
			func(o *Options) { o.NoPivot, o.KernelMounts = true, procAndSys },
		},
		{
			"mounts-bind", modern(),
			[]string{`{"mounts": [
			{"destination": "/data", "source": "/srv/data", "options": ["rbind", "rro", "nosuid", "rslave"]},
			{"destination": "/etc/hosts", "source": "hosts", "type": "bind", "options": ["bind", "ro", "private"]}]}`},
			func(o *Options) { o.Sources[1] = SourceFile },
		},
		{
			"mounts-bind.linux-5.10", linux510(),
			[]string{`{"mounts": [
			{"destination": "/data/deep/er", "source": "/srv/data", "options": ["rbind", "ro", "nosuid", "rslave"]}]}`},
			nil,
		},
		{"bind-flags", modern(), []string{flaggedBinds}, nil},
		{"bind-flags.linux-5.10", linux510(), []string{flaggedBinds}, nil},
		{"bind-flags-user-namespace", modern(), []string{flaggedBinds, withUsers}, nil},
		{"bind-flags-rootless", unprivileged(), []string{flaggedBinds, withUsers}, nil},
		{
			"bind-flags-user-namespace.linux-5.10", linux510(),
			[]string{flaggedBinds, withUsers},
			func(o *Options) {
				o.SourceFlags = []uintptr{unix.MS_NOSUID | unix.MS_NOEXEC, unix.MS_RDONLY, unix.MS_NODEV}
			},
		},
		{
			"bind-links", modern(),
			[]string{`{"mounts": [
			{"destination": "/new/link", "source": "/srv/link", "options": ["rbind", "copy-symlink"]},
			{"destination": "/itself", "source": "/srv/link", "options": ["bind", "src-nofollow", "dest-nofollow"]}]}`},
			func(o *Options) { o.Links, o.Sources[1] = []string{"target", ""}, SourceFile },
		},
		{
			"bind-later", modern(),
			[]string{`{"mounts": [
			{"destination": "/a", "type": "tmpfs", "source": "tmpfs", "options": ["mode=755"]},
			{"destination": "/b", "source": "/bundle/rootfs/a/b", "options": ["bind"]}]}`, withUsers},
			func(o *Options) { o.Sources[1] = SourceLater },
		},
		{"mounts-overlay-shared", modern(), []string{`{"linux": {"rootfsPropagation": "shared"}, "mounts": [
			{"destination": "/mnt", "type": "overlay", "source": "overlay", "options": ["lowerdir=/a:/b", "rro"]},
			{"destination": "/mnt", "options": ["bind", "remount", "nosuid"]}]}`}, nil},
		{
			"mounts-tmpfs-mode-later", modern(),
			[]string{`{"mounts": [
			{"destination": "/srv", "source": "/srv/data", "options": ["bind"]},
			{"destination": "/srv/t", "type": "tmpfs", "source": "tmpfs", "options": ["ro"]}]}`},
			func(o *Options) { o.ModesLater = []bool{false, true} },
		},
		{"mounts-kernel", modern(), []string{`{"mounts": [
			{"destination": "/proc", "type": "proc", "source": "proc"},
			{"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "strictatime", "mode=755",
			"size=65536k"]},
			{"destination": "/dev/pts", "type": "devpts", "source": "devpts", "options": ["nosuid", "noexec",
			"newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]},
			{"destination": "/dev/mqueue", "type": "mqueue", "source": "mqueue", "options": ["nosuid", "noexec",
			"nodev"]},
			{"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["nosuid", "noexec", "nodev", "ro"]},
			{"destination": "/run", "type": "tmpfs", "source": "tmpfs", "options": ["ro", "sync"]}]}`}, nil},
		{"mounts-host", modern(), []string{`{"mounts": [
			{"destination": "/proc", "type": "proc", "source": "proc", "options": ["strictatime", "nosuid", "noexec",
			"nodev"]},
			{"destination": "/dev/mqueue", "type": "mqueue", "source": "mqueue", "options": ["nosuid", "noexec",
			"nodev"]},
			{"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["nosuid", "noexec", "nodev", "ro",
			"private"]}],
			"linux": {"namespaces": [{"type": "mount"}, {"type": "user"}], "maskedPaths": ["/proc/keys"],
			"uidMappings": [{"containerID": 0, "hostID": 100000, "size": 65536}],
			"gidMappings": [{"containerID": 0, "hostID": 100000, "size": 65536}]}}`}, nil},
		{
			"mounts-many", modern(),
			[]string{`{"mounts": [` + strings.Repeat(`{"destination": "/a", "source": "/srv", "options": ["rbind"]},`,
				17) + `
			{"destination": "/b", "source": "/srv/b", "options": ["bind", "ro"]}],
			"linux": {"namespaces": [{"type": "mount"}, {"type": "user"}],
			"uidMappings": [{"containerID": 0, "hostID": 100000, "size": 65536}],
			"gidMappings": [{"containerID": 0, "hostID": 100000, "size": 65536}]}}`},
			func(o *Options) { o.OpenFiles = 76 },
		},
		{"mounts-notify", modern(), nil, func(o *Options) { o.Notify = "/run/rt/ID/notify" }},
		{"mounts-notify.linux-5.10", linux510(), nil, func(o *Options) { o.Notify = "/run/rt/ID/notify" }},
		{
			"mounts-notify-user-namespace", modern(),
			[]string{`{"linux": {"namespaces": [{"type": "mount"}, {"type": "pid"}, {"type": "user"}],
			"uidMappings": [{"containerID": 0, "hostID": 100000, "size": 65536}],
			"gidMappings": [{"containerID": 0, "hostID": 100000, "size": 65536}]}}`},
			func(o *Options) { o.Notify = "/run/rt/ID/notify" },
		},
		{"copyup", modern(), []string{`{"mounts": [
			{"destination": "/var/cache", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "tmpcopyup",
			"size=1m"]}]}`}, nil},
		{"copyup-readonly", modern(), []string{`{"mounts": [
			{"destination": "/etc", "type": "tmpfs", "source": "tmpfs", "options": ["ro", "tmpcopyup"]}]}`}, nil},
		{"idmap", modern(), []string{`{"mounts": [
			{"destination": "/data", "source": "/srv/data", "options": ["rbind", "ridmap", "ro"],
				"uidMappings": [{"containerID": 0, "hostID": 100000, "size": 65536}],
				"gidMappings": [{"containerID": 0, "hostID": 200000, "size": 1}]},
			{"destination": "/new", "type": "tmpfs", "source": "tmpfs", "options": ["idmap"],
				"uidMappings": [{"containerID": 0, "hostID": 5, "size": 1}],
				"gidMappings": [{"containerID": 0, "hostID": 5, "size": 1}]}]}`}, nil},
		{
			"idmap-user-namespace", modern(),
			[]string{`{"mounts": [{"destination": "/data", "source": "/srv/data", "options": ["bind", "idmap"]}],
			"linux": {"namespaces": [{"type": "mount"}, {"type": "user"}],
			"uidMappings": [{"containerID": 0, "hostID": 100000, "size": 65536}],
			"gidMappings": [{"containerID": 0, "hostID": 100000, "size": 65536}]}}`},
			nil,
		},
		{"remount", modern(), []string{`{"mounts": [
			{"destination": "/data", "source": "/srv/data", "options": ["bind", "nosuid"]},
			{"destination": "/data", "options": ["bind", "remount", "ro", "nodev", "private"]},
			{"destination": "/t", "type": "tmpfs", "source": "tmpfs", "options": ["ro", "nosuid", "size=1m"]},
			{"destination": "/t", "options": ["remount", "rw", "size=2m", "sync"]}]}`}, nil},
		{"remount.linux-5.10", linux510(), []string{`{"mounts": [
			{"destination": "/data", "source": "/srv/data", "options": ["bind", "nosuid"]},
			{"destination": "/data", "options": ["bind", "remount", "ro", "nodev"]}]}`}, nil},
		{
			"mounts-recursive-new", modern(),
			[]string{`{"mounts": [{"destination": "/t", "type": "tmpfs", "source": "tmpfs",
				"options": ["rro", "rnosuid"]}]}`},
			nil,
		},
		{"mounts-overlay", modern(), []string{`{"mounts": [
			{"destination": "/mnt", "type": "overlay", "source": "overlay", "options": ["lowerdir=/a:/b", "upperdir=/u",
			"workdir=/w", "noatime", "shared"]}]}`}, nil},
		{
			"mounts-label", withSELinux(),
			[]string{`{"linux": {"mountLabel": "system_u:object_r:container_file_t:s0:c1,c2"}, "mounts": [
			{"destination": "/tmp", "type": "tmpfs", "source": "tmpfs"}, {"destination": "/dev/mqueue",
			"type": "mqueue", "source": "mqueue"}, {"destination": "/mnt", "type": "overlay", "source": "overlay",
			"options": ["lowerdir=/a"]}]}`},
			nil,
		},
		{"layer", modern(), nil, func(o *Options) {
			o.Layer = &Layer{
				Size: "64m", Mode: 0o755,
				Attrs: unix.MOUNT_ATTR_NODEV,
			}
		}},
		{
			"layer-kept", withSELinux(),
			[]string{`{"linux": {"mountLabel": "system_u:object_r:container_file_t:s0:c1,c2",
				"rootfsPropagation": "shared"}}`},
			func(o *Options) { o.Layer = &Layer{Dir: "/srv/a,b:c", Mode: 0o1755, UID: 5, GID: 6} },
		},
		{
			"layer-user-namespace.linux-5.10", linux510(),
			[]string{`{"linux": {"namespaces": [{"type": "mount"}, {"type": "user"}],
			"uidMappings": [{"containerID": 0, "hostID": 100000, "size": 65536}],
			"gidMappings": [{"containerID": 0, "hostID": 100000, "size": 65536}]}}`},
			func(o *Options) { o.Layer = &Layer{Mode: 0o755, UID: 100000, GID: 100000} },
		},
		{
			"layer-rootless.linux-6.1", older(unprivileged(), host.TmpfsUserXattr),
			[]string{`{"linux": {"namespaces": [{"type": "mount"}, {"type": "user"}],
			"uidMappings": [{"containerID": 0, "hostID": 1000, "size": 1}],
			"gidMappings": [{"containerID": 0, "hostID": 1000, "size": 1}]}}`},
			func(o *Options) { o.Layer, o.SetgroupsDeny = &Layer{Mode: 0o755, UID: 1000, GID: 7}, true },
		},
		{
			"mounts-tmpfs-mode", modern(),
			[]string{`{"mounts": [{"destination": "/root", "type": "tmpfs", "source": "tmpfs",
				"options": ["size=1m"]}]}`},
			func(o *Options) { o.Modes = []uint32{unix.S_IFDIR | 0o1750} },
		},
		{"devices", modern(), []string{`{"linux": {"devices": [
			{"path": "/dev/null", "type": "c", "major": 1, "minor": 3, "fileMode": 384, "uid": 5, "gid": 6},
			{"path": "/dev/net/tun", "type": "c", "major": 10, "minor": 200}, {"path": "/dev/ptmx", "type": "c",
			"major": 5, "minor": 2}, {"path": "/run/fifo", "type": "p"}]}}`}, nil},
		{
			"restrict-bound", modern(),
			[]string{`{"mounts": [{"destination": "/proc", "type": "bind", "source": "/proc", "options": ["rbind"]},
			{"destination": "/sys", "type": "sysfs", "source": "sysfs"}],
			"linux": {"maskedPaths": ["/proc/sys/vm", "/proc/sys/vm", "/sys/firmware"], "readonlyPaths": ["/proc/sys",
			"/proc/sys"]}}`},
			nil,
		},
		{
			"restrict-masked.linux-5.10", linux510(),
			[]string{`{"mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}],
			"linux": {"maskedPaths": ["/proc/kcore"]}}`},
			nil,
		},
		{
			"devices-existing", modern(),
			[]string{`{"mounts": [{"destination": "/dev", "type": "tmpfs", "source": "tmpfs"},
			{"destination": "/dev/bound", "type": "bind", "source": "/dev/null", "options": ["bind"]},
			{"destination": "/dev/zero", "type": "bind", "source": "/dev/zero", "options": ["bind"]}],
			"linux": {"devices": [{"path": "/opt/d", "type": "c", "major": 1, "minor": 3},
			{"path": "/run/pipe", "type": "p", "uid": 7},
				{"path": "/dev/new", "type": "b", "major": 7, "minor": 1}, {"path": "/dev/bound", "type": "c",
				"major": 1, "minor": 3},
				{"path": "/opt/missing", "type": "c", "major": 9, "minor": 9}]}}`},
			func(o *Options) {
				o.Sources[1], o.Sources[2] = SourceFile, SourceFile
				o.Nodes = map[string]Node{"/opt/missing": NodeAbsent}
			},
		},
		{
			"devices-user-namespace", modern(),
			[]string{`{"mounts": [{"destination": "/dev", "type": "tmpfs", "source": "tmpfs"}],
			"linux": {"namespaces": [{"type": "mount"}, {"type": "user"}],
			"uidMappings": [{"containerID": 0, "hostID": 100000, "size": 65536}],
			"gidMappings": [{"containerID": 0, "hostID": 100000, "size": 65536}],
			"devices": [{"path": "/dev/fuse", "type": "c", "major": 10, "minor": 229},
			{"path": "/dev/mine", "type": "c", "major": 1, "minor": 3},
			{"path": "/dev/kvm", "type": "c", "major": 10, "minor": 232, "fileMode": 432}]}}`},
			func(o *Options) { o.Nodes = map[string]Node{"/dev/mine": NodeAbsent, "/dev/kvm": NodeUnlike} },
		},
		{
			"devices-user-namespace.linux-5.10", linux510(),
			[]string{`{"linux": {"namespaces": [{"type": "mount"}, {"type": "user"}],
			"uidMappings": [{"containerID": 0, "hostID": 100000, "size": 65536}],
			"gidMappings": [{"containerID": 0, "hostID": 100000, "size": 65536}]}}`},
			nil,
		},
		{
			"terminal-bound-dev", modern(),
			[]string{`{"process": {"terminal": true}, "mounts": [{"destination": "/dev", "type": "bind",
				"source": "/dev", "options": ["rbind", "rshared"]}]}`},
			nil,
		},
		{"restrict-masked", modern(), []string{`{"mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}],
			"linux": {"maskedPaths": ["/proc/kcore", "/secret"]}}`}, nil},
		{
			"restrict-readonly", modern(),
			[]string{`{"mounts": [{"destination": "/proc", "type": "proc", "source": "proc", "options": ["nosuid"]}],
			"linux": {"readonlyPaths": ["/proc/sys", "/etc"]}}`},
			nil,
		},
		{
			"restrict-readonly.linux-5.10", linux510(),
			[]string{`{"mounts": [{"destination": "/proc", "type": "proc", "source": "proc", "options": ["nosuid"]}],
			"linux": {"readonlyPaths": ["/proc/sys", "/etc"]}}`},
			nil,
		},
		{"proc-sysctl", modern(), []string{`{"linux": {"namespaces": [{"type": "mount"}, {"type": "network"}],
			"sysctl": {"net.ipv4.ip_forward": "1", "net.core.somaxconn": "256"}}}`}, nil},
		{
			"proc-labels", withSELinux(),
			[]string{`{"process": {"selinuxLabel": "system_u:system_r:container_t:s0:c1,c2"}}`},
			nil,
		},
		{"proc-oom", modern(), []string{`{"process": {"oomScoreAdj": -500}}`}, nil},
		{"terminal", modern(), []string{`{"process": {"terminal": true, "consoleSize": {"height": 24, "width": 80},
			"user": {"uid": 1000}}}`}, nil},
		{"hooks", modern(), []string{`{"hooks": {"prestart": [{"path": "/a"}], "createRuntime": [{"path": "/b"}],
			"createContainer": [{"path": "/c"}],
			"startContainer": [{"path": "/d"}], "poststart": [{"path": "/e"}], "poststop": [{"path": "/f"}]}}`}, nil},
		{"hooks-intelrdt", modern(), []string{`{"linux": {"intelRdt": {"closID": "gold"}}}`}, nil},
		{
			"home", modern(),
			[]string{`{"process": {"env": ["A=b", "HOME="]}}`},
			func(o *Options) { o.Env = []string{"LISTEN_FDS=1"} },
		},
		{"cwd-readonly", modern(), []string{`{"root": {"readonly": true}, "process": {"cwd": "/srv/app"}}`}, nil},
		{
			"cwd-readonly-user", modern(),
			[]string{`{"root": {"readonly": true}, "process": {"cwd": "/srv/app",
				"user": {"uid": 1000, "gid": 1000}}}`},
			nil,
		},
		{"cwd-readonly-mount", modern(), []string{`{"process": {"cwd": "/run/app"}, "mounts": [
			{"destination": "/run", "type": "tmpfs", "source": "tmpfs", "options": ["ro", "mode=755"]}]}`}, nil},
		{"rootfs-rslave", modern(), []string{`{"linux": {"rootfsPropagation": "rslave"}}`}, nil},
		{
			"cgroup-hybrid", hybrid(),
			[]string{`{"mounts": [{"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup",
				"options": ["ro", "nosuid"]}]}`},
			nil,
		},
		{
			"cgroup-hybrid-namespace", hybrid(),
			[]string{`{"mounts": [{"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup"}],
			"linux": {"namespaces": [{"type": "mount"}, {"type": "cgroup"}]}}`},
			nil,
		},
		{
			"process-search", modern(),
			[]string{`{"process": {"args": ["app", "-v"], "env": ["PATH=/usr/bin:/bin::rel", "A=b"],
				"cwd": "/srv/app"}}`},
			nil,
		},
		{
			"process-user", modern(),
			[]string{`{"root": {"readonly": true}, "process": {"cwd": "/home/u", "user": {"uid": 1000, "gid": 1000,
				"additionalGids": [5, 6], "umask": 63}}}`},
			func(o *Options) { o.ChownStdio = [3]bool{false, true, true} },
		},
		{
			"process-limits", modern(),
			[]string{`{"process": {"rlimits": [{"type": "RLIMIT_NOFILE", "soft": 64, "hard": 4096}],
			"scheduler": {"policy": "SCHED_FIFO", "priority": 10}, "ioPriority": {"class": "IOPRIO_CLASS_BE",
			"priority": 4}},
			"linux": {"personality": {"domain": "LINUX32"}, "memoryPolicy": {"mode": "MPOL_BIND", "nodes": "0"}}}`},
			nil,
		},
		{"rights", modern(), []string{`{"process": {"user": {"uid": 1000},
			"capabilities": {"bounding": ["CAP_KILL", "CAP_CHOWN"], "permitted": ["CAP_KILL"],
			"effective": ["CAP_KILL"], "inheritable": ["CAP_KILL"], "ambient": ["CAP_KILL"]}},
			"linux": {"seccomp": {"defaultAction": "SCMP_ACT_ALLOW",
			"syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO"}]}}}`}, nil},
		{"rights-no-new-privs", modern(), []string{`{"process": {"noNewPrivileges": true},
			"linux": {"seccomp": {"defaultAction": "SCMP_ACT_ALLOW",
			"syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO"}]}}}`}, nil},
		{"listener", modern(), []string{`{"process": {"noNewPrivileges": true}, ` + notifyMkdir + `}`}, nil},
		{
			"listener-observe", modern(),
			[]string{`{"process": {"noNewPrivileges": true}}`},
			func(o *Options) { o.Observe = true },
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if runtime.GOARCH != "amd64" && (strings.HasPrefix(test.name, "rights") ||
				strings.HasPrefix(test.name, "listener")) {
				t.Skip("the length of a filter differs between architectures")
			}
			s := config(t, test.edits...)
			o := options(s, &test.host)
			if test.set != nil {
				test.set(o)
			}
			o.Filter = filter(t, s)
			p, err := Compile(s, &test.host, o)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := nsenter.Assemble(&p.Program); err != nil {
				t.Fatal(err)
			}
			golden(t, test.name, p, partsOf(test.name))
		})
	}
}

// procAndSys is what a host has, and a procfs in the root file system, which the container's root covers.
var procAndSys = []KernelMount{{"/proc", "/"}, {"/sys", "/"}, {"/bundle/rootfs/proc", "/"}}

// notifyMkdir asks an agent about mkdir.
const notifyMkdir = `"linux": {"seccomp": {"defaultAction": "SCMP_ACT_ALLOW", "listenerPath": "/run/agent.sock",
	"syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_NOTIFY"}]}}`

// filter compiles the seccomp profile of s, if it has one.
func filter(t testing.TB, s *spec.Spec) *seccomp.Filter {
	t.Helper()
	if s.OCI.Linux == nil || s.OCI.Linux.Seccomp == nil {
		return nil
	}
	f, _, err := seccomp.Compile(s.OCI.Linux.Seccomp, runtime.GOARCH)
	if err != nil {
		t.Fatal(err)
	}
	return f
}
