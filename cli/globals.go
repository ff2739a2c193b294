package cli

import (
	"strconv"

	"rt/internal/diag"
	"rt/libcontainer"
)

// globals are the options that every command takes, before the command, as engines pass them, or after it.
type globals struct {
	root          string
	log           string
	logFormat     string
	rootless      string
	debug         bool
	systemdCgroup bool
	cgroupManager string
	criu          string
	version       bool
}

func (g *globals) flags() []Flag {
	return []Flag{
		{Name: "root", Value: "DIR", To: &g.root, Usage: "directory for the state of containers (default: /run/rt; " +
			"for an ordinary user $XDG_RUNTIME_DIR/rt)"},
		{Name: "log", Value: "PATH", To: &g.log, Usage: "append errors, warnings and the lines of --debug to this " +
			"file; errors are also printed to standard error"},
		{
			Name:     "log-format",
			Value:    "FORMAT",
			To:       &g.logFormat,
			Complete: oneOf("text", "json"),
			Usage:    "format of the log: text or json (default: text)",
		},
		{Name: "debug", To: &g.debug, Usage: "also log each action of rt"},
		{
			Name:  "systemd-cgroup",
			To:    &g.systemdCgroup,
			Usage: `have systemd create the cgroups, as scopes; linux.cgroupsPath is then "slice:prefix:name"`,
		},
		{
			Name: "cgroup-manager", Value: "NAME", To: &g.cgroupManager,
			Complete: oneOf("cgroupfs", "systemd", "disabled"),
			Usage: "what creates the cgroups: cgroupfs (rt itself), systemd (as --systemd-cgroup), or disabled: the " +
				"container stays in the cgroup of rt's caller, and limits are refused (default: cgroupfs)",
		},
		{
			Name:     "rootless",
			Value:    "WORD",
			To:       &g.rootless,
			Complete: oneOf("true", "false", "auto"),
			Usage: "whether a container without limits may stay in the cgroup of rt's caller if rt has no right to " +
				"create cgroups: true, false or auto, if rt is not root on the host (default: auto)",
		},
		{Name: "criu", Value: "PATH", To: &g.criu, Usage: "the program criu(8), for rt-checkpoint(8) and " +
			"rt-restore(8) (default: criu, searched in PATH)"},
		{Name: "version", Short: "v", To: &g.version, Usage: "print the version"},
	}
}

// apply checks the values and sets them in the runtime.
func (g *globals) apply(c *Call) error {
	switch g.logFormat {
	case "", "text", "json":
	default:
		return &diag.Error{
			Kind: diag.Usage, Field: "--log-format", Value: g.logFormat, Problem: "must be text or json",
		}
	}
	switch g.rootless {
	case "", "auto":
		c.Runtime.Rootless = "auto"
	default:
		b, err := strconv.ParseBool(g.rootless)
		if err != nil {
			return &diag.Error{
				Kind:    diag.Usage,
				Field:   "--rootless",
				Value:   g.rootless,
				Problem: "must be true, false or auto",
			}
		}
		c.Runtime.Rootless = strconv.FormatBool(b)
	}
	c.log.path, c.log.json = g.log, g.logFormat == "json"
	c.Runtime.Root, c.Runtime.CRIU = g.root, g.criu
	if err := g.applyCgroup(&c.Runtime); err != nil {
		return err
	}
	if g.debug {
		c.Runtime.Debug = c.log.debug
	}
	return nil
}

// applyCgroup selects the cgroup driver. --cgroup-manager is crun's; Podman passes "disabled" to the runtimes that its
// runtime_supports_nocgroup lists. Only create and run need it: neither Podman nor conmon pass it later, so the state
// records it.
func (g *globals) applyCgroup(r *libcontainer.Runtime) error {
	bad := func(problem string) error {
		return &diag.Error{Kind: diag.Usage, Field: "--cgroup-manager", Value: g.cgroupManager, Problem: problem}
	}
	switch g.cgroupManager {
	case "":
		r.SystemdCgroup = g.systemdCgroup
		return nil
	case "cgroupfs":
	case "systemd":
		r.SystemdCgroup = true
		return nil
	case "disabled":
		r.NoCgroup = true
	default:
		return bad("must be cgroupfs, systemd or disabled")
	}
	if g.systemdCgroup {
		return bad("does not go with --systemd-cgroup: give one or the other")
	}
	return nil
}
