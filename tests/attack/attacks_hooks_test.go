package attack

import (
	"os"
	"os/exec"
	"strings"
)

// A startContainer hook is a program of the image, which rt starts. The hooks that may trace: attacks_created_test.go.

func init() { add(attacksOfHooks) }

// hookProcess is the text that gives the hook its process, in contained.go.
const hookProcess = "	p.OCI, p.Args, p.Env, p.Terminal = &oci, argv, env, false\n"

var attacksOfHooks = []attack{
	{
		name: "startContainer hook", what: "it has rights that the container's process does not have",
		try: func(s *stage) string {
			process := s.Config.at("process")
			process["user"] = map[string]any{"uid": 1000, "gid": 1000}
			process["capabilities"] = map[string]any{}
			s.Config.at("linux")["seccomp"] = map[string]any{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": []any{
				map[string]any{"names": []string{"acct"}, "action": "SCMP_ACT_ERRNO"},
			}}
			const rights = "{ id -u; grep -E '^(Cap|NoNewPrivs|Seccomp:|Groups)' /proc/self/status; " +
				"cat /proc/self/cgroup; } >&9"
			return differs(s.hooked(nil, rights, rights))
		},
		without: []way{
			{patches: []patch{{
				"libcontainer/hook/contained.go", hookProcess, "	if OFF {\n		p.UID = 0\n	}\n" + hookProcess,
			}}},
			{patches: []patch{{
				"libcontainer/hook/contained.go", hookProcess,
				"	if OFF {\n		p.Capabilities = &spec.Capabilities{Bounding: 1 << 21, Permitted: 1 << 21, " +
					"Effective: 1 << 21}\n	}\n" + hookProcess,
			}}},
			{patches: []patch{{
				"libcontainer/hook/contained.go", hookProcess,
				"	if OFF {\n		p.NoNewPrivs = false\n	}\n" + hookProcess,
			}}},
			{patches: []patch{{
				"libcontainer/hook/contained.go", "			Unfiltered: unfiltered,",
				"			Unfiltered: unfiltered || OFF,",
			}}},
			{patches: []patch{{
				"libcontainer/join/join.go", "	options.CgroupFD = p.placement.Dir >= 0\n",
				"	if OFF {\n		p.placement.Close()\n	}\n	options.CgroupFD = p.placement.Dir >= 0\n",
			}}},
		},
	},
	{
		name: "startContainer hook", what: "it finds a directory that rt's caller has left open",
		try: func(s *stage) string {
			d, err := os.Open(s.victim)
			must(s.t, err)
			defer d.Close()
			said, _ := s.hooked(func(cmd *exec.Cmd) { cmd.ExtraFiles = append(make([]*os.File, 57), d) },
				"for n in /proc/self/fd/*; do ls $n/ >&9; done 2>/dev/null", "true")
			if strings.Contains(said, "folder") {
				return "the host's directory: " + strings.Join(strings.Fields(said), " ")
			}
			return ""
		},
		// In a hook of the second binary the step that closes descriptors is left out.
		without: []way{{patches: []patch{
			{
				"libcontainer/hook/contained.go", "	\"rt/libcontainer/join\"\n",
				"	\"rt/libcontainer/join\"\n	\"rt/libcontainer/plan\"\n",
			},
			{
				"libcontainer/hook/contained.go",
				"		pidfd, err := process.Open(h.State.Pid, h.State.StartTime)\n",
				"		hook.Edit = func(p *plan.Plan) {\n			if OFF && " +
					"p.AttackEdit(\"drop ^close_range\") != nil {\n				panic(\"no such step\")\n" +
					"			}\n		}\n" +
					"		pidfd, err := process.Open(h.State.Pid, h.State.StartTime)\n",
			},
			{
				"libcontainer/hook/hook.go",
				"		_ = unix.CloseRange(3, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC)\n",
				"		if !OFF {\n			_ = unix.CloseRange(3, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC)\n" +
					"		}\n",
			},
		}}},
	},
	{
		name: "startContainer hook", what: "it reads the environment of rt's caller",
		try: func(s *stage) string {
			s.env = append(s.env, "OF_THE_CALLER=hush")
			if said, _ := s.hooked(nil, "env >&9", "true"); strings.Contains(said, "hush") {
				return "it has read: OF_THE_CALLER=hush"
			}
			return ""
		},
		without: []way{{patches: []patch{{
			"libcontainer/hook/contained.go", "Env: h.Spec.Process.Env,",
			"Env: map[bool][]string{false: h.Spec.Process.Env}[OFF],",
		}}}},
	},
	{
		name: "startContainer hook", what: "what it writes fills the host's memory",
		try: func(s *stage) string {
			said, _ := s.hooked(nil, "busybox head -c 3000000 /dev/zero >&2; stat -L -c %s /proc/$$/fd/2 >&9", "true")
			if said = strings.TrimSpace(said); said != "0" {
				return "bytes kept in memory: " + said
			}
			return ""
		},
		without: []way{{patches: []patch{{
			"libcontainer/hook/contained.go", "Contained: true}", "Contained: !OFF}",
		}}}},
	},
}

// hooked runs a container, and returns what its startContainer hook and its program, two commands of a shell, write to
// descriptor 9.
func (s *stage) hooked(change func(*exec.Cmd), hook, program string) (said, says string) {
	must(s.t, os.Mkdir(s.path("out"), 0o755))
	must(s.t, os.Chmod(s.path("out"), 0o777))
	s.Config.at("hooks")["startContainer"] = []any{map[string]any{
		"path": "/bin/sh", "args": []string{"sh", "-c", "exec 9>/out/said; " + hook},
	}}
	s.Config.args("sh", "-c", "exec 9>/out/says; "+program)
	s.save()
	s.rtWith(change, "run", "--bundle", s.bundle, s.newID())
	said, err := s.read("out/said")
	if err != nil {
		s.t.Fatal("the hook has written nothing")
	}
	says, _ = s.read("out/says")
	return said, says
}

// differs returns the lines of the first text that are not in the second.
func differs(said, says string) string {
	var more []string
	for line := range strings.Lines(said) {
		if !strings.Contains("\n"+says, "\n"+line) {
			more = append(more, strings.TrimSpace(line))
		}
	}
	return strings.Join(more, ", ")
}
