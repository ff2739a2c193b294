package spec

import (
	"encoding/json"
	"io"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// DefaultOptions describe the user of the config that `rt spec` writes.
type DefaultOptions struct {
	Rootless        bool   // for an ordinary user
	UID, GID        uint32 // the ids of that user on the host, who becomes root of the container
	CgroupNamespace bool   // the host has cgroup v2 alone, where a container may see its own cgroup as the root
}

// Default returns the config that `rt spec` writes: a shell in its own namespaces, with a read-only root and few
// capabilities. It grants nothing that the default config of runc does not grant; unlike runc's, it has no ambient
// capabilities.
func Default(o DefaultOptions) *specs.Spec {
	s := &specs.Spec{
		Version:  NewestVersion,
		Process:  defaultProcess(),
		Root:     &specs.Root{Path: "rootfs", Readonly: true},
		Hostname: "rt",
		Mounts:   defaultMounts(),
		Linux: &specs.Linux{
			Resources: &specs.LinuxResources{Devices: []specs.LinuxDeviceCgroup{{Allow: false, Access: "rwm"}}},
			Namespaces: []specs.LinuxNamespace{
				{Type: "pid"},
				{Type: "network"},
				{Type: "ipc"},
				{Type: "uts"},
				{Type: "mount"},
			},
			MaskedPaths: []string{
				"/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
				"/proc/timer_stats", "/proc/sched_debug", "/sys/firmware", "/proc/scsi",
			},
			ReadonlyPaths: []string{"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"},
		},
	}
	if o.Rootless {
		makeRootless(s, o.UID, o.GID)
	}
	if o.CgroupNamespace {
		s.Linux.Namespaces = append(s.Linux.Namespaces, specs.LinuxNamespace{Type: "cgroup"})
	}
	return s
}

// defaultProcess returns the process: a shell on a terminal.
func defaultProcess() *specs.Process {
	caps := []string{"CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"}
	return &specs.Process{
		Terminal:        true,
		Args:            []string{"sh"},
		Env:             []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"},
		Cwd:             "/",
		Capabilities:    &specs.LinuxCapabilities{Bounding: caps, Effective: caps, Permitted: caps},
		Rlimits:         []specs.POSIXRlimit{{Type: "RLIMIT_NOFILE", Hard: 1024, Soft: 1024}},
		NoNewPrivileges: true,
	}
}

// defaultMounts returns the file systems of config-linux.md#configLinuxDefaultFilesystems, and others that programs
// expect.
func defaultMounts() []specs.Mount {
	return []specs.Mount{
		{Destination: "/proc", Type: "proc", Source: "proc"},
		{
			Destination: "/dev", Type: "tmpfs", Source: "tmpfs",
			Options: []string{"nosuid", "strictatime", "mode=755", "size=65536k"},
		},
		{
			Destination: "/dev/pts", Type: "devpts", Source: "devpts",
			Options: []string{"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"},
		},
		{
			Destination: "/dev/shm", Type: "tmpfs", Source: "shm",
			Options: []string{"nosuid", "noexec", "nodev", "mode=1777", "size=65536k"},
		},
		{Destination: "/dev/mqueue", Type: "mqueue", Source: "mqueue", Options: []string{"nosuid", "noexec", "nodev"}},
		{Destination: "/sys", Type: "sysfs", Source: "sysfs", Options: []string{"nosuid", "noexec", "nodev", "ro"}},
		{
			Destination: "/sys/fs/cgroup", Type: "cgroup", Source: "cgroup",
			Options: []string{"nosuid", "noexec", "nodev", "relatime", "ro"},
		},
	}
}

// makeRootless changes s to a config that an ordinary user can run: in a user namespace with one id, without limits,
// since the cgroup belongs to root, and in the network of the host, since nobody would connect another one. A new sysfs
// requires a network namespace of its own, so the host's is bound. The gid 5 (tty) of devpts is not mapped.
func makeRootless(s *specs.Spec, uid, gid uint32) {
	s.Linux.Namespaces = []specs.LinuxNamespace{
		{Type: "pid"},
		{Type: "ipc"},
		{Type: "uts"},
		{Type: "mount"},
		{Type: "user"},
	}
	s.Linux.UIDMappings = []specs.LinuxIDMapping{{ContainerID: 0, HostID: uid, Size: 1}}
	s.Linux.GIDMappings = []specs.LinuxIDMapping{{ContainerID: 0, HostID: gid, Size: 1}}
	s.Linux.Resources = nil
	for i := range s.Mounts {
		switch m := &s.Mounts[i]; m.Destination {
		case "/dev/pts":
			m.Options = m.Options[:len(m.Options)-1]
		case "/sys":
			m.Type, m.Source, m.Options = "none", "/sys", []string{"rbind", "nosuid", "noexec", "nodev", "ro"}
		}
	}
}

// Write writes a config.json as people edit it: one value a line, with tabs. `rt spec` alone does this, so it may use
// reflection; linking encoding/json costs the other commands nothing.
func Write(w io.Writer, s *specs.Spec) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "\t")
	return e.Encode(s)
}
