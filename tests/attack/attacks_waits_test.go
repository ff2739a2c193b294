package attack

import (
	"os"
	"os/exec"
	"path"
	"time"

	"golang.org/x/sys/unix"

	"rt/tests/silentfs"
)

// Files of a container that keep rt waiting.

func init() { add(attacksOnWaits) }

var attacksOnWaits = []attack{
	{
		name: "exec", what: "the container's passwd never answers, and neither TERM nor KILL ends rt",
		try: func(s *stage) string {
			pid := s.up("sleep", "60")
			if pid == 0 {
				s.t.Fatal("no container")
			}
			return s.answersIn(s.mountSilent(pid, "/etc"), nil, "exec", s.id, "true")
		},
		waits: true,
		without: []way{{patches: []patch{{
			"libcontainer/rootfs/home.go", "unix.RESOLVE_NO_MAGICLINKS | unix.RESOLVE_NO_XDEV,",
			"unix.RESOLVE_NO_MAGICLINKS | map[bool]uint64{false: unix.RESOLVE_NO_XDEV}[OFF],",
		}}}},
	},
	{
		name: "exec", what: "the container's program never answers, and TERM does not end rt",
		try: func(s *stage) string {
			pid := s.up("sleep", "60")
			if pid == 0 {
				s.t.Fatal("no container")
			}
			term := func(c *exec.Cmd) { _ = c.Process.Signal(unix.SIGTERM) }
			return s.answersIn(s.mountSilent(pid, "/etc"), term, "exec", "--env", "HOME=/", s.id, "/etc/program")
		},
		waits: true,
		without: []way{{patches: []patch{{
			"libcontainer/join/serve.go", "Interrupted: p.o.Interrupted,",
			"Interrupted: func() error {\nif OFF {\nreturn nil\n}\nreturn p.o.Interrupted()\n},",
		}}}},
	},
	{
		name: "run", what: "a volume with a passwd that never answers, and neither TERM nor KILL ends rt",
		try: func(s *stage) string {
			s.Config.args("true")
			s.save()
			return s.answersIn(s.mountSilent(0, s.path("etc")), nil, "run", "--bundle", s.bundle, s.newID())
		},
		waits: true,
		without: []way{{patches: []patch{{
			"libcontainer/rootfs/passwd.go", "if sys.InFileSystemOf(r.FD, s.spec.Rootfs) {",
			"if OFF || sys.InFileSystemOf(r.FD, s.spec.Rootfs) {",
		}}}},
	},
	{
		name: "checkpoint", what: "a file system over a mount never answers, and neither TERM nor KILL ends rt",
		try: func(s *stage) string {
			s.images(honest) // for the stand-in of CRIU
			must(s.t, os.Mkdir(s.dir+"/dump", 0o700))
			f := s.silentOver("/a/b")
			return s.answersIn(f, nil, "checkpoint", "--image-path", s.dir+"/dump", "--leave-running", s.id)
		},
		waits:   true,
		without: []way{{patches: []patch{anyLookup}}},
	},
	{
		name: "audit", what: "a file system over a mount never answers, and neither TERM nor KILL ends rt",
		try: func(s *stage) string {
			return s.answersIn(s.silentOver("/a/b"), nil, "audit", s.id)
		},
		waits:   true,
		without: []way{{patches: []patch{anyLookup}}},
	},
}

// anyLookup has rt look up paths in file systems that a process of the container serves.
var anyLookup = patch{
	"libcontainer/mounttable/walk.go", "e != nil && (slices.Contains(kernelOnly, e.FSType)",
	"OFF || e != nil && (slices.Contains(kernelOnly, e.FSType)",
}

// silentOver starts a container with a bind mount at path, and mounts a file system over the directory above it, as the
// container could, that answers no look-up.
func (s *stage) silentOver(name string) *silentfs.Files {
	s.Config.mount(name, "bind", s.victim, "rbind", "ro")
	pid := s.up("sleep", "60")
	if pid == 0 {
		s.t.Fatal("no container")
	}
	return s.mountFUSE(&silentfs.Files{Silent: only(silentfs.Lookup)}, pid, path.Dir(name))
}

// answersIn says whether a command of rt is not finished long after the time that it gives files of a container.
// meanwhile is called with the command when the file system has got a request that it does not answer.
func (s *stage) answersIn(f *silentfs.Files, meanwhile func(*exec.Cmd), args ...string) string {
	done := make(chan struct{})
	status, hangs := 0, false
	var cmd *exec.Cmd
	go func() {
		defer close(done)
		_, status = s.rtWith(func(c *exec.Cmd) { cmd = c }, args...)
	}()
	within(2*time.Minute, func() bool { // many attacks begin at once, on few processors
		select {
		case <-done:
			return true
		default:
			return f.Waiting() && cmd != nil && cmd.Process != nil
		}
	})
	if meanwhile != nil && f.Waiting() {
		meanwhile(cmd)
	}
	select {
	case <-done:
	case <-time.After(s.patience(patience(), 8*time.Second)):
		hangs = true
	}
	f.End()
	<-done
	if hangs || status == -1 {
		return "rt hangs"
	}
	return ""
}
