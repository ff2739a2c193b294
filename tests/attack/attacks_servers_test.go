package attack

import (
	"os/exec"

	"golang.org/x/sys/unix"

	"rt/tests/silentfs"
)

// Paths of the host besides volumes, in a file system whose server stops to answer: root.path after it was found,
// hooks, --overlay, and what a restore prepares.

func init() { add(attacksOnHostPaths) }

var attacksOnHostPaths = []attack{
	{
		name: "served root", what: "root.path is found, and nothing in it: neither TERM nor KILL ends rt",
		try: func(s *stage) string {
			f := s.served(&silentfs.Files{Silent: only(silentfs.Lookup)})
			s.Config.at("root")["path"] = s.dir + "/served"
			s.Config.mount("/data", "tmpfs", "tmpfs") // which has the mode of what it covers
			return s.endsAtTerm(f, silentfs.Lookup)
		},
		waits: true,
		without: []way{{patches: []patch{{
			"libcontainer/inspect/tmpfsmode.go", "later = later || !sys.InLocalFileSystem(root); later {",
			"later = later || !OFF && !sys.InLocalFileSystem(root); later {",
		}}}},
	},
	{
		name: "served hook", what: "a hook never opens, and neither TERM nor KILL ends rt",
		try: func(s *stage) string {
			f := s.served(&silentfs.Files{Mode: unix.S_IFREG | 0o755, Silent: only(silentfs.Open)})
			s.Config.at("hooks")["createRuntime"] = []any{map[string]any{"path": s.dir + "/served/hook"}}
			return s.endsAtTerm(f, silentfs.Open)
		},
		waits: true,
		without: []way{{patches: []patch{{
			"libcontainer/hook/hook.go", "(served || ignored|blocked != 0",
			"!OFF && (served || ignored|blocked != 0", // signals that the caller ignores start hooks the same way
		}}}},
	},
	{
		name: "served --overlay", what: "the directory is never found, and neither TERM nor KILL ends rt",
		try: func(s *stage) string {
			f := s.served(&silentfs.Files{Silent: only(silentfs.Lookup)})
			return s.overlayEndsAtTerm(f)
		},
		waits: true,
		without: []way{{patches: []patch{{
			"libcontainer/inspect/layer.go", "	st, found, err := statHost(path)\n",
			"if OFF {\n_ = unix.Stat(path, new(unix.Stat_t))\n}\nst, found, err := statHost(path)\n",
		}}}},
	},
	{
		name: "served --overlay", what: "the directory is never made, and neither TERM nor KILL ends rt",
		try: func(s *stage) string {
			f := s.served(&silentfs.Files{Missing: true, Silent: only(silentfs.Mkdir)})
			return s.overlayEndsAtTerm(f)
		},
		waits: true,
		without: []way{{patches: []patch{{
			"libcontainer/inspect/layer.go", "if sys.HasServer(&st) {", "if sys.HasServer(&st) && !OFF {",
		}}}},
	},
	{
		name: "served restore", what: "a mount point in a volume is never made, and neither TERM nor KILL ends rt",
		try: func(s *stage) string {
			s.images(honest)
			f := s.served(&silentfs.Files{Missing: true, Silent: only(silentfs.Mkdir)})
			s.Config.mount("/volume", "bind", s.dir+"/served", "rbind")
			s.Config.mount("/volume/sub", "tmpfs", "tmpfs", "mode=755")
			s.Config.args("true")
			s.save()
			images := s.dir + "/images"
			won := s.answersIn(f, terminate, "restore", "--bundle", s.bundle, "--image-path", images, s.newID())
			if !f.Asked(silentfs.Mkdir) {
				s.t.Fatal("rt has asked nothing of the server")
			}
			return won
		},
		waits: true,
		without: []way{{patches: []patch{{
			"libcontainer/rootfs/mountpoint.go", "if sys.InLocalFileSystem(root) {",
			"if OFF || sys.InLocalFileSystem(root) {",
		}}}},
	},
}

func terminate(c *exec.Cmd) { _ = c.Process.Signal(unix.SIGTERM) }

// overlayEndsAtTerm runs the container with a layer in the served directory, and says whether TERM does not end rt. rt
// may also refuse the directory before it asks.
func (s *stage) overlayEndsAtTerm(f *silentfs.Files) string {
	s.Config.args("true")
	s.save()
	return s.answersIn(f, terminate, "run", "--overlay", s.dir+"/served/layer", "--bundle", s.bundle, s.newID())
}
