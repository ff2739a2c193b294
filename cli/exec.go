package cli

import (
	"strconv"
	"strings"

	"rt/internal/diag"
	"rt/libcontainer"
	"rt/spec"
)

// exitExec is what exec exits with when rt itself fails: the program may have any other status for itself.
const exitExec = 255

func execCommand() *Command {
	var o libcontainer.ExecOptions
	var words execWords
	return &Command{
		Name: "exec", Args: "<container-id> [program] [arguments]", Min: 1, Max: anyNumber, InOrder: true, Fail: exitExec, Complete: []Candidates{containers},
		Summary: "run another program in a container",
		Description: []string{
			"Runs a program in a container that is created or running: in its namespaces, its cgroup and its root file system, with the environment, " +
				"the user, the rights and the limits that process in config.json has. The options change these. In the foreground rt waits for the end of the program, " +
				"passes signals on to it and exits with its status.",
			"With --process the whole process comes from a file instead, a process object as config.json has one. What it does not say of capabilities, limits, labels, " +
				"scheduling and the OOM score is as in config.json.",
			"With --host-binary the program is a file of the host: a debugger's way into a container that has no shell. The container gets a copy " +
				"that has no name and that nobody can change; its root file system stays as it is. Only a static program will run there. " +
				"All arguments behind the id are the program's.",
		},
		Flags:  append(execFlags(&o), execProcessFlags(&o, &words)...),
		Action: func(c *Call) error { return execute(c, &o, &words) },
		Examples: []Row{
			{"rt exec web1 ls -l /", "List the root directory of web1"},
			{"rt exec --tty --env TERM=xterm web1 sh", "Work in web1 with a shell"},
			{"rt exec --process process.json --detach --pid-file p.pid web1", "Start a process as engines do"},
			{"rt exec --host-binary /bin/busybox web1 sh", "Look around in a container that has no shell, with the host's static busybox"},
		},
		Exit: []Row{
			{"the program's", "the program has ended by itself"},
			{"128 + n", "signal n has ended the program"},
			{"255", "rt could not run the program"},
		},
	}
}

// execWords are options that are not understood yet.
type execWords struct {
	user, trace  string
	groups, caps []string
}

func execFlags(o *libcontainer.ExecOptions) []Flag {
	return []Flag{
		{Name: "process", Short: "p", Value: "PATH", To: &o.File, Usage: "file with the process to run, in place of a program and options"},
		{Name: "detach", Short: "d", To: &o.Detach, Usage: "return when the program runs"},
		{Name: "pid-file", Value: "PATH", To: &o.PidFile, Usage: "file to write the pid of the process to"},
		{Name: "console-socket", Value: "PATH", To: &o.ConsoleSocket, Usage: "Unix socket that gets the master end of the terminal"},
		{Name: "pidfd-socket", Value: "PATH", To: &o.PidfdSocket, Usage: "Unix socket that gets a pidfd of the process"},
		{Name: "preserve-fds", Value: "N", To: &o.PreserveFDs, Usage: "hand down N descriptors from 3 on"},
		{Name: "cgroup", Value: "[CONTROLLER:]PATH", To: &o.Cgroup, Usage: "run in this cgroup below the container's; on cgroup v1 once for each controller, or list of them"},
		{Name: "ignore-paused", To: &o.IgnorePaused, Usage: "take a paused container too: rt waits, and the program runs when the container is resumed"},
		{Name: "host-binary", Value: "FILE", To: &o.HostBinary, Usage: "run this static program of the host in place of one of the container's"},
	}
}

func execProcessFlags(o *libcontainer.ExecOptions, w *execWords) []Flag {
	return []Flag{
		{Name: "cwd", Value: "DIR", To: &o.Cwd, Usage: "working directory in the container"},
		{Name: "env", Short: "e", Value: "NAME=VALUE", To: &o.Env, Usage: "set an environment variable; may be repeated"},
		{Name: "tty", Short: "t", To: &o.Terminal, Usage: "give the program a terminal"},
		{Name: "user", Short: "u", Value: "UID[:GID]", To: &w.user, Usage: "user and group, as numbers"},
		{Name: "additional-gids", Short: "g", Value: "GID", To: &w.groups, Usage: "additional group; may be repeated"},
		{Name: "cap", Short: "c", Value: "CAP", To: &w.caps, Complete: capabilities, Usage: "add a capability to the bounding, permitted and effective set; may be repeated"},
		{Name: "no-new-privs", To: &o.NoNewPrivs, Usage: "no execve gives the program new rights"},
		{Name: "process-label", Value: "LABEL", To: &o.Label, Usage: "SELinux label of the process"},
		{Name: "apparmor", Value: "PROFILE", To: &o.AppArmor, Usage: "AppArmor profile of the process"},
		traceFlag(&w.trace),
	}
}

func execute(c *Call, o *libcontainer.ExecOptions, w *execWords) error {
	id := c.Args[0]
	if err := understand(o, w, c.Args[1:]); err != nil {
		return err
	}
	return traced(c, w.trace, "rt exec "+id, &o.Trace, func() (err error) {
		c.Status, err = c.Runtime.Exec(id, o)
		return err
	})
}

// understand turns words into options.
func understand(o *libcontainer.ExecOptions, w *execWords, args []string) (err error) {
	if w.user != "" {
		if o.UID, o.GID, err = parseUser(w.user); err != nil {
			return err
		}
	}
	for _, word := range w.groups {
		gid, ok := parseID(word)
		if !ok {
			return &diag.Error{Kind: diag.Usage, Field: "--additional-gids", Value: word, Problem: idProblem}
		}
		o.AdditionalGids = append(o.AdditionalGids, gid)
	}
	for _, word := range w.caps {
		n, ok := spec.CapabilityNumber("CAP_" + strings.TrimPrefix(strings.ToUpper(word), "CAP_"))
		if !ok {
			return &diag.Error{
				Kind: diag.Usage, Field: "--cap", Value: word, Problem: "is no capability: see capabilities(7)",
				Hint: hintNearest(spec.Nearest(word, spec.CapabilityNames())),
			}
		}
		o.Capabilities |= 1 << n
	}
	o.Args = args
	switch {
	case o.HostBinary != "":
		o.Args = append([]string{o.HostBinary[strings.LastIndexByte(o.HostBinary, '/')+1:]}, args...)
	case o.File != "" && len(args) > 0:
		return &diag.Error{Kind: diag.Usage, Field: "--process", Value: o.File, Problem: "names the program already: leave out " + strconv.Quote(args[0])}
	case o.File == "" && len(args) == 0:
		return &diag.Error{Kind: diag.Usage, Problem: "process args cannot be empty: give a program behind the id, or --process, or --host-binary"}
	}
	return nil
}

const idProblem = "must be a number from 0 to 4294967294"

// parseUser reads UID or UID:GID. Without a group the one of the config stays, as in runc. Nothing but plain numbers will do: "1" read as a name, or
// a part that was left out read as 0, has made people root before (CVE-2026-30892).
func parseUser(word string) (uid, gid *uint32, err error) {
	first, second, both := strings.Cut(word, ":")
	n, ok := parseID(first)
	if !ok {
		return nil, nil, &diag.Error{Kind: diag.Usage, Field: "--user", Value: word, Problem: "must be UID or UID:GID; the user " + idProblem}
	}
	if !both {
		return &n, nil, nil
	}
	m, ok := parseID(second)
	if !ok {
		return nil, nil, &diag.Error{Kind: diag.Usage, Field: "--user", Value: word, Problem: "must be UID or UID:GID; the group " + idProblem}
	}
	return &n, &m, nil
}

// parseID reads the number of a user or a group. The last 32-bit number means "leave it as it is" to setresuid(2), so it is nobody's.
func parseID(word string) (uint32, bool) {
	for i := range len(word) {
		if word[i] < '0' || word[i] > '9' {
			return 0, false
		}
	}
	n, err := strconv.ParseUint(word, 10, 32)
	return uint32(n), err == nil && n != 1<<32-1
}
