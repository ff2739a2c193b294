package attack

import (
	"os"

	"golang.org/x/sys/unix"

	"rt/tests/silentfs"
)

// Host directories in a container whose FUSE server, somebody's in another container, stops to answer. Whatever rt does
// there, SIGTERM ends it.

func init() { add(attacksOfServers) }

var attacksOfServers = []attack{
	{
		name: "served volume", what: "the source of a bind mount is never found, and neither TERM nor KILL ends rt",
		try: func(s *stage) string {
			f := s.served(&silentfs.Files{Silent: only(silentfs.Lookup)})
			s.userNamespace() // rt itself opens the sources for one
			s.Config.mount("/volume", "bind", s.dir+"/served/sub", "rbind")
			return s.endsAtTerm(f, silentfs.Lookup)
		},
		waits: true,
		without: []way{{patches: []patch{{
			"libcontainer/hostpath/hostpath.go", "	if err != unix.EAGAIN && err != unix.EINVAL {\n",
			"	if OFF && err == unix.EAGAIN {\n		return unix.Open(path, unix.O_PATH|int(flags), 0)\n	}\n" +
				"	if err != unix.EAGAIN && err != unix.EINVAL {\n",
		}}}},
	},
	{
		name: "served volume", what: "root.path in it is never found, and neither TERM nor KILL ends rt",
		try: func(s *stage) string {
			f := s.served(&silentfs.Files{Silent: only(silentfs.Lookup)})
			s.Config.at("root")["path"] = s.dir + "/served/sub"
			return s.endsAtTerm(f, silentfs.Lookup)
		},
		waits: true,
		without: []way{{patches: []patch{{
			"libcontainer/inspect/rootfs.go", "	fd, err := hostpath.Open(s.Rootfs, 0)\n",
			"	if OFF {\n		_ = unix.Stat(s.Rootfs, new(unix.Stat_t))\n	}\n" +
				"	fd, err := hostpath.Open(s.Rootfs, 0)\n",
		}}}},
	},
	{
		name: "served volume", what: "a mount point in it is never found, and TERM does not end rt",
		try: func(s *stage) string {
			f := s.served(&silentfs.Files{Silent: only(silentfs.Lookup)})
			s.Config.mount("/volume", "bind", s.dir+"/served", "rbind")
			s.Config.mount("/volume/sub", "tmpfs", "tmpfs", "mode=755")
			return s.endsAtTerm(f, silentfs.Lookup)
		},
		waits: true,
		without: []way{{patches: []patch{{
			"libcontainer/supervise/hang.go", "if s.Interrupted != nil {", "if s.Interrupted != nil && !OFF {",
		}}}},
	},
	{
		name: "served volume",
		what: "a directory in it that a link leads to is never made, and neither TERM nor KILL ends rt",
		try: func(s *stage) string {
			s.link("volume/new", "link")
			f := s.served(&silentfs.Files{Missing: true, Silent: only(silentfs.Mkdir)})
			s.Config.mount("/volume", "bind", s.dir+"/served", "rbind")
			s.Config.mount("/link/sub", "tmpfs", "tmpfs", "mode=755")
			return s.endsAtTerm(f, silentfs.Mkdir)
		},
		waits: true,
		without: []way{{patches: []patch{{
			"libcontainer/rootfs/mountpoint.go", "return sys.MakeInRoot(r.FD, t.path, dir, unix.RESOLVE_NO_XDEV)",
			"return sys.MakeInRoot(r.FD, t.path, dir, map[bool]uint64{false: unix.RESOLVE_NO_XDEV}[OFF])",
		}}}},
	},
	{
		name: "served volume", what: "tmpcopyup never sees what is in it, and neither TERM nor KILL ends rt",
		try: func(s *stage) string {
			f := s.served(&silentfs.Files{Silent: only(silentfs.Opendir)})
			s.Config.mount("/volume", "bind", s.dir+"/served", "rbind")
			s.Config.mount("/volume", "tmpfs", "tmpfs", "tmpcopyup")
			return s.endsAtTerm(f, silentfs.Opendir)
		},
		waits: true,
		without: []way{{patches: []patch{{
			"libcontainer/rootfs/copyup.go", "if sys.InFileSystemOf(from, s.spec.Rootfs) {",
			"if OFF || sys.InFileSystemOf(from, s.spec.Rootfs) {",
		}}}},
	},
	{
		name: "served volume", what: "tmpcopyup finds it below what it copies, and neither TERM nor KILL ends rt",
		try: func(s *stage) string {
			f := s.served(&silentfs.Files{Silent: only(silentfs.Opendir)})
			must(s.t, os.MkdirAll(s.path("data/volume"), 0o755))
			s.Config.mount("/data/volume", "bind", s.dir+"/served", "rbind")
			s.Config.mount("/data", "tmpfs", "tmpfs", "tmpcopyup")
			return s.endsAtTerm(f, silentfs.Opendir)
		},
		waits:   true,
		without: []way{{patches: []patch{{"libcontainer/rootfs/copyup.go", "OneMount: true}", "OneMount: !OFF}"}}}},
	},
	{
		name: "served volume", what: "the device in it never says which it is, and neither TERM nor KILL ends rt",
		try: func(s *stage) string {
			f := s.served(&silentfs.Files{
				Mode: unix.S_IFCHR | 0o666, Rdev: uint32(unix.Mkdev(1, 9)),
				Silent: only(silentfs.Getattr),
			})
			s.Config.mount("/volume", "bind", s.dir+"/served", "rbind")
			random := map[string]any{"path": "/volume/random", "type": "c", "major": 1, "minor": 8}
			s.Config.add(random, "linux", "devices")
			return s.endsAtTerm(f, silentfs.Lookup)
		},
		waits: true,
		without: []way{{patches: []patch{{
			"libcontainer/rootfs/device.go", "st, err := sys.StatCached(fd)",
			"st, err := sys.StatCached(fd)\n	if OFF {\n		err = unix.Fstat(fd, &st)\n	}",
		}}}},
	},
}

// only returns what does not answer one kind of requests.
func only(silent uint32) func(uint32) bool {
	return func(opcode uint32) bool { return opcode == silent }
}

// served mounts a file system at the directory "served" of the stage.
func (s *stage) served(f *silentfs.Files) *silentfs.Files {
	s.t.Helper()
	must(s.t, os.Mkdir(s.dir+"/served", 0o755))
	return s.mountFUSE(f, 0, s.dir+"/served")
}

// endsAtTerm runs the container, and says whether TERM does not end rt.
func (s *stage) endsAtTerm(f *silentfs.Files, asked uint32) string {
	s.Config.args("true")
	s.save()
	won := s.answersIn(f, terminate, "create", "--bundle", s.bundle, s.newID())
	if !f.Asked(asked) {
		s.t.Fatal("rt has asked nothing of the server")
	}
	return won
}
