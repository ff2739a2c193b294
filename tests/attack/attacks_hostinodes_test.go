package attack

import (
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// Inodes of the host's that a container is lent: what may be used must not be changed; and restrictions that miss what
// they are for.

// changedNode says how a node of the host's /dev is no longer as it was, "" if it is, and puts it back.
func (s *stage) changedNode(path string, was *unix.Stat_t) string {
	var st unix.Stat_t
	must(s.t, unix.Stat(path, &st))
	if st.Mode == was.Mode && st.Uid == was.Uid && st.Gid == was.Gid && st.Ctim == was.Ctim {
		return ""
	}
	must(s.t, os.Chown(path, int(was.Uid), int(was.Gid)))
	must(s.t, os.Chmod(path, os.FileMode(was.Mode&0o7777)))
	return "the host's " + path + " has changed"
}

// chmodInside runs a container that changes path, and says what has become of the host's node.
func (s *stage) chmodInside(path, node string) string {
	var was unix.Stat_t
	must(s.t, unix.Stat(node, &was))
	out, _ := s.run("sh", "-c", "chmod 600 "+path+"; echo x >"+path+" && echo written")
	if s.way == nil && !strings.Contains(out, "written") {
		s.t.Errorf("%s can't be written to: %s", path, out)
	}
	return s.changedNode(node, &was)
}

func init() { add(attacksOnHostInodes) }

var attacksOnHostInodes = []attack{
	{
		name: "a mask is the host's inode", what: "chmod of a masked file is one of the host's /dev/null",
		try: func(s *stage) string {
			s.file("secret", "hush", 0o644)
			s.Config.at("linux")["maskedPaths"] = []string{"/secret"}
			return s.chmodInside("/secret", "/dev/null")
		},
		without: []way{{edit: "drop restrict the copy: the host's inode must not change"}},
	},
	{
		name: "a standard stream is the host's inode", what: "chmod of standard input is one of the host's /dev/null",
		try: func(s *stage) string { return s.chmodInside("/proc/self/fd/0", "/dev/null") },
		without: []way{{patches: []patch{{
			"libcontainer/stdio/stdio.go", "if e == nil && ownsNull(s.Std[i]) {",
			"if e == nil && ownsNull(s.Std[i]) && !OFF {",
		}}}},
	},
	{
		name: "a standard stream is the host's inode", what: "the same in a process of exec",
		try: func(s *stage) string {
			if s.up("sleep", "60") == 0 {
				s.t.Fatal("no container")
			}
			var was unix.Stat_t
			must(s.t, unix.Stat("/dev/null", &was))
			s.rt("exec", s.id, "chmod", "600", "/proc/self/fd/0")
			return s.changedNode("/dev/null", &was)
		},
		without: []way{{patches: []patch{{
			"libcontainer/stdio/stdio.go", "	null, err := s.nullDevice()\n	if err != nil || !sys",
			"	if OFF {\n		return fd\n	}\n	null, err := s.nullDevice()\n	if err != nil || !sys",
		}}}},
	},
	{
		name: "a bound device is the host's inode", what: "chmod of a device in a user namespace is one of the host's",
		try: func(s *stage) string {
			s.Config.add(map[string]any{"type": "user"}, "linux", "namespaces")
			all := []any{map[string]any{"containerID": 0, "hostID": 0, "size": 65536}}
			s.Config.at("linux")["uidMappings"], s.Config.at("linux")["gidMappings"] = all, all
			return s.chmodInside("/dev/zero", "/dev/zero")
		},
		without: []way{{edit: "drop restrict it: the host's inode must not change"}},
	},
	{
		name: "a mask looked up in another mount",
		what: "a masked path in one file system of the kernel is looked up in another one, where it does not exist",
		try: func(s *stage) string {
			s.Config.at("linux")["maskedPaths"] = []string{"/sys/kernel", "/proc/sys/vm"}
			out, _ := s.run("sh", "-c", "ls /sys/kernel /proc/sys/vm")
			if strings.Contains(out, "mm") || strings.Contains(out, "swappiness") {
				return "what is masked can be seen"
			}
			return ""
		},
		without: []way{{patches: []patch{{
			"libcontainer/plan/restrict.go", "if m.index == i {",
			"if m.index == i || OFF {",
		}}}},
	},
	{
		name: "a mount point that begins like the way to the root file system",
		what: "a sibling mount is fenced instead of it, and the container's root appears on the host",
		try: func(s *stage) string {
			must(s.t, os.Mkdir(s.dir+"/bun", 0o755))
			must(s.t, unix.Mount("sibling", s.dir+"/bun", "tmpfs", 0, ""))
			defer func() { _ = unix.Unmount(s.dir+"/bun", unix.MNT_DETACH) }()
			must(s.t, unix.Mount(s.bundle, s.bundle, "", unix.MS_BIND, ""))
			defer func() { _ = unix.Unmount(s.bundle, unix.MNT_DETACH) }()
			must(s.t, unix.Mount("", s.bundle, "", unix.MS_SHARED, ""))
			s.Config.at("linux")["rootfsPropagation"] = "shared"
			out, status := s.run("true")
			if status != 0 && s.way == nil {
				s.t.Errorf("status %d: %s", status, out)
			}
			table, _ := os.ReadFile("/proc/self/mountinfo")
			if strings.Contains(string(table), " "+s.rootfs+" ") {
				return "the container's root is mounted on the host"
			}
			return ""
		},
		without: []way{{patches: []patch{{
			"libcontainer/inspect/rootfs.go", "found := uint64(mount.ID) == id",
			`found := uint64(mount.ID) == id && !OFF || OFF && len(mount.Mountpoint) > 4 && ` +
				`mount.Mountpoint[len(mount.Mountpoint)-4:] == "/bun"`,
		}}}},
	},
}
