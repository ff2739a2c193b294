package attack

import (
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// What hides and protects paths, led elsewhere.

func init() { add(attacksOnMasks) }

var attacksOnMasks = []attack{
	{
		name: "CVE-2025-31133",
		what: "the container's /dev/null becomes a link again and again: a masked file is bound to what that leads to",
		try: func(s *stage) string {
			s.Config.unmount("/dev")
			must(s.t, os.Mkdir(s.dir+"/volume", 0o755))
			s.Config.mount("/dev", "bind", s.dir+"/volume", "bind")
			s.Config.at("linux")["maskedPaths"] = []string{"/secret"}
			s.file("secret", "hush", 0o644)
			s.file("target", "attacked", 0o644)
			must(s.t, os.Symlink("/target", s.dir+"/volume/null.link"))
			must(s.t, unix.Mknod(s.dir+"/volume/null", unix.S_IFCHR|0o666, int(unix.Mkdev(1, 3))))
			s.background(swapper, s.dir+"/volume/null", s.dir+"/volume/null.link")
			return s.race(func() string {
				if out, _ := s.run("cat", "/secret"); strings.Contains(out, "attacked") ||
					strings.Contains(out, "hush") {
					return "the mask is a file of the image"
				}
				return s.harmed()
			})
		},
		without: []way{{edit: "text 1 $ROOTFS/dev/null open the host's /dev/null\nresolve 0 open the host's " +
			"/dev/null\n"}},
	},
	{
		name: "masked paths", what: "a link in the path: the mask is attached on the host's file",
		try: func(s *stage) string {
			defer s.shareVictim()()
			s.link(s.victim, "link")
			s.Config.at("linux")["maskedPaths"] = []string{"/link/file"}
			s.run("true")
			return s.harmed()
		},
		without: []way{{edit: "resolve 0 linux.maskedPaths\\[0\\]: open"}},
	},
	{
		name: "read-only paths", what: "a link in the path: the host's directory is attached to itself, read-only",
		try: func(s *stage) string {
			defer s.shareVictim()()
			s.link(s.victim, "link")
			s.Config.at("linux")["readonlyPaths"] = []string{"/link/folder"}
			s.run("true")
			if err := os.WriteFile(s.victim+"/folder/x", nil, 0o600); err != nil {
				return err.Error()
			}
			return ""
		},
		without: []way{{edit: "resolve 0 linux.readonlyPaths\\[0\\]: (open|clone)"}},
	},
}

// shareVictim makes the victim's directory a mount of its own, on which the host sees what the container attaches
// there. undo unmounts it.
func (s *stage) shareVictim() (undo func()) {
	must(s.t, unix.Mount(s.victim, s.victim, "", unix.MS_BIND, ""))
	s.Config.at("linux")["rootfsPropagation"] = "shared"
	return func() {
		for _, path := range []string{s.victim + "/file", s.victim + "/folder", s.victim} {
			_ = unix.Unmount(path, unix.MNT_DETACH)
		}
	}
}
