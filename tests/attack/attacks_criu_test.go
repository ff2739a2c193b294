package attack

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Restores by CRIU itself, of images that CRIU has written. CRIU_PATH is a directory with a criu that is not in PATH.

func init() { add(attacksByCRIU); add(attacksOnRestores) }

var attacksByCRIU = []attack{
	{
		name: "CRIU", what: "a link replaces the mount point that a bind mount of the container came from",
		lacks: noCRIU,
		try: func(s *stage) string {
			s.userNamespace()
			s.grant("CAP_SYS_ADMIN")
			if s.upForCRIU("mkdir -p /tmp/p/folder /tmp/b; mount -o bind /tmp/p/folder /tmp/b; touch /tmp/ready") == 0 {
				s.t.Fatal("no container")
			}
			s.checkpoint("--leave-running")
			// What the container does, which continues.
			must(s.t, os.Rename(s.path("tmp/p"), s.path("tmp/q")))
			must(s.t, os.Symlink(s.victim, s.path("tmp/p")))
			s.rt("delete", "--force", s.id)
			s.bringBack()
			if text, err := os.ReadFile(proc(s.pid(), "mountinfo")); err == nil &&
				strings.Contains(string(text), filepath.Base(s.dir)+"/victim/folder") {
				return "the container has the host's directory mounted"
			}
			return ""
		},
		without: []way{{patches: []patch{{
			"libcontainer/checkpoint/restore_exposed.go", "	if v.Spec.Namespaces.New&unix.CLONE_NEWNS == 0 {\n",
			"	if v.Spec.Namespaces.New&unix.CLONE_NEWNS == 0 || OFF {\n",
		}}}},
	},
	{
		name: "CRIU", what: "a bind mount was dumped with fewer restrictions than the config has",
		lacks: noCRIU,
		try: func(s *stage) string {
			s.Config.mount("/data", "bind", s.victim, "rbind")
			if s.upForCRIU("touch /tmp/ready; while ! rm /tmp/go; do sleep 0.1; done; echo x >/data/file") == 0 {
				s.t.Fatal("no container")
			}
			s.checkpoint()
			s.lastMount()["options"] = []string{"rbind", "ro"}
			s.file("tmp/go", "", 0o644)
			s.bringBack()
			s.succeeds(func() bool { return s.harmed() != "" })
			return s.harmed()
		},
		without: []way{{patches: []patch{{
			"libcontainer/checkpoint/restore_exposed.go", `if missing(s.attrs, e.Options) == "" {`,
			`if missing(s.attrs, e.Options) == "" || OFF {`,
		}}}},
	},
	{
		name: "CRIU", what: "the images have a capability that the config does not give",
		lacks: noCRIU,
		try: func(s *stage) string {
			s.grant("CAP_SYS_ADMIN")
			if s.upForCRIU("touch /tmp/ready; while ! rm /tmp/go; do sleep 0.1; done; grep CapEff /proc/self/status "+
				">/tmp/said; mount -t tmpfs x /root && touch /tmp/mounted") == 0 {
				s.t.Fatal("no container")
			}
			s.checkpoint()
			s.grant()
			s.file("tmp/go", "", 0o644)
			s.bringBack()
			if s.succeeds(func() bool { return exists(s.path("tmp/mounted")) }) {
				return "the restored program mounts"
			}
			return ""
		},
		without: []way{{patches: []patch{{
			"libcontainer/checkpoint/restore.go",
			"if x.outcome.refused = x.verifier.checkRights(x.outcome.pid); x.outcome.refused != nil {",
			"if x.outcome.refused = x.verifier.checkRights(x.outcome.pid); x.outcome.refused != nil && !OFF {",
		}}}},
	},
	{
		name: "CRIU", what: "truncated images: a container that was not restored stays behind, with its cgroup",
		lacks: noCRIU,
		try: func(s *stage) string {
			if s.upForCRIU("touch /tmp/ready") == 0 {
				s.t.Fatal("no container")
			}
			s.checkpoint()
			files, err := filepath.Glob(s.dir + "/images/core-*.img")
			must(s.t, err)
			if len(files) == 0 {
				s.t.Fatal("no images")
			}
			for _, file := range files {
				must(s.t, os.Truncate(file, 20))
			}
			s.bringBack()
			if exists(s.state + "/" + s.id) {
				return "the container " + s.id + " exists"
			}
			return ""
		},
		without: []way{{patches: []patch{{
			"libcontainer/creation/restore.go",
			"	if err := r.execute(); err != nil {\n",
			"	if err := r.execute(); err != nil && OFF {\n		return err\n	} else if err != nil {\n",
		}}}},
	},
}

var attacksOnRestores = []attack{
	{
		name: "CRIU", what: "a neighbour with CAP_SYS_PTRACE in the pid namespace reaches the host's root",
		lacks: noCRIU,
		try: func(s *stage) string {
			neighbour := s.neighbourForCRIU("while [ ! -e /tmp/go ]; do sleep 0.1; done", "CAP_SYS_PTRACE")
			s.grant()
			s.joinPid(neighbour)
			if s.upForCRIU("touch /tmp/ready") == 0 {
				s.t.Fatal("no container")
			}
			s.checkpoint()
			s.file("tmp/go", "", 0o644) // not before: Linux older than 6.18 lets it win against the create too
			s.bringBack()
			return s.harmed()
		},
		without: []way{{patches: []patch{{
			"libcontainer/checkpoint/restore.go", "if n.flag == unix.CLONE_NEWPID {",
			"if n.flag == unix.CLONE_NEWPID && !OFF {",
		}}}},
	},
}

// neighbourForCRIU starts a container whose program first executes the script, and then writes to the victim through
// the root of each process that it sees. It returns its pid.
func (s *stage) neighbourForCRIU(script string, capabilities ...string) int {
	s.grant(capabilities...)
	pid := s.up("sh", "-c", "exec </dev/null >/dev/null 2>&1; "+script+"; while :; do for p in /proc/[0-9]*; do "+
		"echo pwned >$p/root"+s.victim+"/file; done; done")
	if pid == 0 {
		s.t.Fatal("no neighbour")
	}
	return pid
}

// noCRIU says that this machine has no CRIU that works.
func noCRIU() string {
	if dir := os.Getenv("CRIU_PATH"); dir != "" {
		_ = os.Setenv("PATH", dir+":"+os.Getenv("PATH"))
		_ = os.Unsetenv("CRIU_PATH")
	}
	if exec.Command("criu", "check").Run() != nil {
		return "a criu that works with this kernel"
	}
	return ""
}

// grant gives the program the capabilities of the default config, and more.
func (s *stage) grant(more ...string) {
	caps := append([]string{"CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"}, more...)
	for _, set := range []string{"bounding", "permitted", "effective"} {
		s.Config.at("process", "capabilities")[set] = caps
	}
}

// lastMount is the last mount of the config.
func (s *stage) lastMount() map[string]any {
	mounts := s.Config["mounts"].([]any)
	return mounts[len(mounts)-1].(map[string]any)
}

// upForCRIU starts a container that executes the script and sleeps, and returns its pid when the script has made
// /tmp/ready. Nothing of it is the test's: it has the host's network, and no output.
func (s *stage) upForCRIU(script string) int {
	if !strings.Contains(fmt.Sprint(s.Config.at("linux")["namespaces"]), "user") {
		s.without("network")
	}
	must(s.t, os.Chmod(s.path("tmp"), 0o777))
	// A loop, because some versions of CRIU end the sleep.
	pid := s.up("sh", "-c", "exec </dev/null >/dev/null 2>&1; "+script+"; while :; do sleep 1; done")
	if pid != 0 && !within(patience(), func() bool { return exists(s.path("tmp/ready")) }) {
		s.t.Fatal("the program does not begin")
	}
	return pid
}

// checkpoint makes the images of the container, by rt as it is.
func (s *stage) checkpoint(options ...string) {
	pid := s.pid()
	args := append([]string{"checkpoint", "--image-path", s.dir + "/images"}, options...)
	if out, status := s.rt(append(args, s.id)...); status != 0 {
		s.t.Fatal("checkpoint: " + out)
	}
	if len(options) == 0 { // its pid in a namespace that is joined has to be free again
		within(patience(), func() bool { return !exists(proc(pid, "")) })
	}
}

// bringBack restores the images with the config as it is now.
func (s *stage) bringBack() {
	s.save()
	out, status := s.rt("restore", "--bundle", s.bundle, "--image-path", s.dir+"/images", "--detach", s.newID())
	s.t.Logf("restore: %d %s", status, out)
}
