package attack

import (
	"fmt"
	"os"
	"strings"

	"rt/libcontainer/host"
)

// Processes of rt that a container can see, and mounts of the host's that a container keeps.

func init() { add(attacksOnProcesses) }

var attacksOnProcesses = []attack{
	{
		name: "joined pid namespace",
		what: "a neighbour without capabilities writes through /proc/PID/root while a container is made",
		try:  func(s *stage) string { return s.joinsNeighbourWith(map[string]any{}) },
		// Until it changes its ids the kernel leaves the process dumpable; the FIFO makes that moment long.
		without: []way{{edit: "drop PR_SET_DUMPABLE\nwait $ROOTFS/fifo set the group ids to 0", on: "run"}},
	},
	{
		name: "joined pid namespace",
		what: "a neighbour with CAP_SYS_PTRACE writes through /proc/PID/root of a container with a user namespace",
		try: func(s *stage) string {
			capabilities := []string{"CAP_SYS_PTRACE", "CAP_DAC_OVERRIDE"}
			return s.joinsNeighbourWith(map[string]any{
				"bounding": capabilities, "permitted": capabilities, "effective": capabilities,
			})
		},
		// The FIFO makes the moment long in which the process still has the root of the host.
		without: []way{{
			edit: "wait $ROOTFS/fifo set the group ids to 0", on: "run",
			patches: []patch{{
				"libcontainer/inspect/namespaces.go", "if pid == 0 || err != nil {",
				"if OFF || pid == 0 || err != nil {",
			}},
		}},
	},
	{
		name: "--no-pivot", what: "a nested user namespace mounts a procfs in which nothing is masked",
		try: func(s *stage) string {
			return s.mountsNew("unshare -U -r -m -p -f mount -t proc proc /tmp")
		},
		without: []way{{edit: "drop unmount the host's /proc$\ndrop mount over it if"}},
	},
	{
		name: "--no-pivot", what: "a nested user namespace mounts a sysfs in which nothing is masked",
		try: func(s *stage) string {
			return s.mountsNew("unshare -U -r -m -n mount -t sysfs sysfs /tmp")
		},
		without: []way{{edit: "drop unmount the host's /sys$\ndrop mount over it if"}},
	},
	{
		name: "sysfs", what: "a nested user namespace mounts a writable one next to one that is read-only",
		try: func(s *stage) string {
			s.Config.at("linux")["maskedPaths"], s.Config.at("linux")["readonlyPaths"] = []string{}, []string{}
			s.Config.at("process")["user"] = map[string]any{"uid": 1000, "gid": 1000}
			out, _ := s.run("sh", "-c", "unshare -U -r -m -n mount -t sysfs sysfs /tmp && echo mounted")
			if strings.Contains(out, "mounted\n") {
				return "the mount is made"
			}
			return ""
		},
		// The kernel reads both flags (mount_too_revealing in fs/namespace.c), and either is enough.
		without: []way{{edit: "drop make the file system itself read-only\n" +
			`clear 2 0x1 ^fsmount.*mounts\[5\]\.options: create a detached mount`}},
	},
	{
		name: "joined pid namespace", what: "a neighbour with CAP_SYS_PTRACE looks for a process with rights to trace",
		try: func(s *stage) string {
			if !host.ProcPidNS() {
				s.t.Skip("needs Linux 6.18")
			}
			neighbour := s.upToSeeRights()
			s.joinPid(neighbour)
			s.Config.args("true")
			s.save()
			for range 3 {
				if out, status := s.rt("create", "--bundle", s.bundle, s.newID()); status != 0 {
					s.t.Fatal("no second container: " + out)
				}
				s.looked() // it waits to be started, and the neighbour looks
				s.rt("start", s.id)
			}
			return s.rightsSeen()
		},
		without: []way{
			{patches: []patch{{
				"libcontainer/plan/clone_last.go", "return AsksForPidNS(s) &&",
				"return !OFF && AsksForPidNS(s) &&",
			}}},
		},
	},
	{
		name: "exec", what: "the container looks for a process with more rights than its own",
		try: func(s *stage) string {
			s.upToSeeRights()
			for range 40 {
				if out, status := s.rt("exec", s.id, "true"); status != 0 {
					s.t.Fatalf("exec: %s", out)
				}
			}
			return s.rightsSeen()
		},
		without: []way{{edit: "drop PR_CAPBSET_DROP", on: "exec"}, {edit: "drop ^capset", on: "exec"}},
	},
}

// joinsNeighbourWith runs a container with a user namespace in the pid namespace of one with these capabilities, which
// writes through each /proc/PID/root, and says what was harmed.
func (s *stage) joinsNeighbourWith(capabilities map[string]any) string {
	s.Config.at("process")["capabilities"] = capabilities
	neighbour := s.up("sh", "-c",
		"while :; do for p in /proc/[0-9]*; do [ $p = /proc/1 ] || echo pwned >$p/root"+s.victim+
			"/file; done; done 2>/dev/null")
	if neighbour == 0 {
		s.t.Fatal("no neighbour")
	}
	s.Config.at("process")["capabilities"] = map[string]any{}
	s.joinPid(neighbour)
	s.userNamespace()
	s.Config.unmount("/proc") // a new one takes rights over the pid namespace
	s.Config.mount("/proc", "bind", "/proc", "rbind")
	s.Config.args("true")
	s.save()
	must(s.t, makeFIFO(s.path("fifo")))
	return s.joining(s.harmed, "run", "--bundle", s.bundle, s.newID())
}

// joinPid makes the next containers join the pid namespace of a process.
func (s *stage) joinPid(pid int) {
	for _, n := range s.Config.at("linux")["namespaces"].([]any) {
		if n := n.(map[string]any); n["type"] == "pid" {
			n["path"] = fmt.Sprintf("/proc/%d/ns/pid", pid)
		}
	}
}

// mountsNew says whether a command of a container with --no-pivot succeeds, whose procfs and sysfs are partly masked.
func (s *stage) mountsNew(command string) string {
	s.Config.at("linux")["maskedPaths"] = []string{"/proc/keys", "/sys/firmware"}
	s.Config.at("process")["user"] = map[string]any{"uid": 1000, "gid": 1000} // root needs CAP_SETFCAP to map itself
	s.Config.args("sh", "-c", command+" && echo mounted")
	s.save()
	out, _ := s.rt("run", "--no-pivot", "--bundle", s.bundle, s.newID())
	if strings.Contains(out, "mounted\n") {
		return "the mount is made"
	}
	return ""
}

// read returns the text of a file of the image.
func (s *stage) read(name string) (string, error) {
	text, err := os.ReadFile(s.path(name))
	return string(text), err
}

// upToSeeRights starts a container with CAP_SYS_PTRACE that notes each process in its sight with other rights than
// that.
func (s *stage) upToSeeRights() int {
	caps := []string{"CAP_SYS_PTRACE"}
	s.Config.at("process")["capabilities"] = map[string]any{"bounding": caps, "permitted": caps, "effective": caps}
	// CAP_SYS_PTRACE is bit 19. The shell reads the files itself: a program to read them would be too slow.
	pid := s.up("sh", "-c", `while :; do for p in /proc/[0-9]*; do while read -r k v; do
		case $k-$v in CapPrm:-0000000000080000|CapBnd:-0000000000080000) ;;
		CapPrm:-*|CapBnd:-*) [ $v = 0000000000000000 ] || echo $p $k $v >>/seen;;
		esac; done <$p/status; done; echo >>/laps; done 2>/dev/null`)
	if pid == 0 {
		s.t.Fatal("no container")
	}
	return pid
}

// looked waits until the container of upToSeeRights has looked at all processes that are there now.
func (s *stage) looked() {
	laps := func() int {
		text, _ := s.read("laps")
		return len(text)
	}
	before := laps()
	if !within(patience(), func() bool { return laps() >= before+2 }) {
		s.t.Fatal("the neighbour does not look")
	}
}

// rightsSeen returns the first thing that it has noted.
func (s *stage) rightsSeen() string {
	text, _ := s.read("seen")
	return strings.TrimSpace(strings.SplitN(text, "\n", 2)[0])
}
