package cli

import (
	"context"
	"errors"
	"os"
	"strconv"
	"strings"

	"rt/internal/diag"
	"rt/libcontainer"
	"rt/spec"
)

// exitExec is the exit status of exec if rt itself fails; any other status is the program's.
const exitExec = 255

func execCommand() *Command {
	var o libcontainer.ExecOptions
	var words execWords
	return &Command{
		Name: "exec", Args: "<container-id> [program] [arguments]", Min: 1, Max: anyNumber, InOrder: true,
		Fail: exitExec, Complete: []Candidates{containers},
		Summary: "run another program in a container",
		Description: []string{
			"Runs a program in a created or running container: in its namespaces, its cgroup and its root file " +
				"system, with the environment, user, capabilities and limits of process in config.json. Options " +
				"override these. In the foreground rt waits until the program ends, forwards signals to it and " +
				"exits with its status.",
			"With --process the process is read from a file, an object like process of config.json. Capabilities, " +
				"limits, labels, scheduling and the OOM score that it does not set are those of config.json.",
			"With --host-binary the program is a file of the host, to debug a container without a shell. It runs " +
				"from a sealed memfd; the root file system of the container is unchanged. The program must be " +
				"static. All arguments after the ID are the program's.",
		},
		Flags:  append(execFlags(&o), execProcessFlags(&o, &words)...),
		Action: func(c *Call) error { return execute(c, &o, &words) },
		Examples: []Row{
			{"rt exec web1 ls -l /", "List the root directory of web1"},
			{"rt exec --tty --env TERM=xterm web1 sh", "Run a shell in web1"},
			{"rt exec --process process.json --detach --pid-file p.pid web1", "Start a process as an engine does"},
			{"rt exec --host-binary /bin/busybox web1 sh", "Run the host's static busybox in a container without a " +
				"shell"},
			{`# rt exec web1 sh -c 'id; exit 3'; echo $?
uid=0(root) gid=0(root)
3`, ""},
		},
		Exit: []Row{
			{"the program's", "the program has exited"},
			{"128 + n", "signal n has killed the program"},
			{"255", "rt could not run the program"},
		},
	}
}

// execWords are the values of the options of exec that parse converts.
type execWords struct {
	user, trace  string
	groups, caps []string
}

func execFlags(o *libcontainer.ExecOptions) []Flag {
	return []Flag{
		{Name: "process", Short: "p", Value: "PATH", To: &o.File, Usage: "file with the process object, instead of " +
			"a program and options"},
		{Name: "detach", Short: "d", To: &o.Detach, Usage: "return as soon as the program runs"},
		{Name: "pid-file", Value: "PATH", To: &o.PidFile, Usage: "write the pid of the process to this file"},
		{Name: "console-socket", Value: "PATH", To: &o.ConsoleSocket, Usage: "Unix socket that gets the master end " +
			"of the terminal"},
		{Name: "pidfd-socket", Value: "PATH", To: &o.PidfdSocket, Usage: "Unix socket that gets a pidfd of the " +
			"process"},
		{Name: "preserve-fds", Value: "N", To: &o.PreserveFDs, Usage: "pass N descriptors from 3 on to the program " +
			"(default: 0)"},
		{Name: "cgroup", Value: "[CONTROLLER:]PATH", To: &o.Cgroup, Usage: "run in this descendant of the " +
			"container's cgroup; on cgroup v1 once for each controller or list of controllers"},
		{Name: "ignore-paused", To: &o.IgnorePaused, Usage: "accept a paused container: rt waits, and the program " +
			"runs when the container is resumed"},
		{Name: "host-binary", Value: "FILE", To: &o.HostBinary, Usage: "run this static program of the host"},
	}
}

func execProcessFlags(o *libcontainer.ExecOptions, w *execWords) []Flag {
	return []Flag{
		{Name: "cwd", Value: "DIR", To: &o.Cwd, Usage: "working directory in the container (default: process.cwd of " +
			"the config)"},
		{Name: "env", Short: "e", Value: "NAME=VALUE", To: &o.Env, Usage: "set an environment variable, in addition " +
			"to those of the config; may be repeated"},
		{Name: "tty", Short: "t", To: &o.Terminal, Usage: "give the program a terminal of its own (default: rt's " +
			"standard streams)"},
		{Name: "user", Short: "u", Value: "USER[:GROUP]", To: &w.user, Usage: "user and group: numbers, or " +
			"names in the container's /etc/passwd and /etc/group (default: process.user of the config)"},
		{Name: "additional-gids", Short: "g", Value: "GID", To: &w.groups, Usage: "additional group; may be repeated"},
		{
			Name:     "cap",
			Short:    "c",
			Value:    "CAP",
			To:       &w.caps,
			Complete: capabilities,
			Usage:    "add a capability to the bounding, permitted and effective set; may be repeated",
		},
		{Name: "no-new-privs", To: &o.NoNewPrivs, Usage: "set no_new_privs: execve(2) grants no new privileges"},
		{Name: "process-label", Value: "LABEL", To: &o.Label, Usage: "SELinux label of the process"},
		{Name: "apparmor", Value: "PROFILE", To: &o.AppArmor, Usage: "AppArmor profile of the process"},
		traceFlag(&w.trace),
	}
}

func execute(c *Call, o *libcontainer.ExecOptions, w *execWords) error {
	id := c.Args[0]
	if err := parse(o, w, c.Args[1:]); err != nil {
		return err
	}
	return traced(c, w.trace, "rt exec "+id, &o.Trace, func() error {
		allowRelay(o.Detach)
		o.Stdin, o.Stdout, o.Stderr = os.Stdin, os.Stdout, os.Stderr
		err := c.take(c.Runtime.Container(id).Exec(context.Background(), o))
		addOrderHint(err, c.program, o.Args)
		return err
	})
}

// addOrderHint adds to the error for a program that does not exist that its name may be meant as an option.
func addOrderHint(err error, program string, args []string) {
	e, ok := errors.AsType[*diag.Error](err)
	if ok && e.Field == "process.args[0]" && len(args) > 0 && strings.HasPrefix(args[0], "-") {
		e.Hint = "options of " + program + " exec stand before the container ID"
	}
}

// parse sets the options that have to be converted, and the arguments of the program.
func parse(o *libcontainer.ExecOptions, w *execWords, args []string) (err error) {
	if w.user != "" {
		if err := parseUser(&o.ProcessOptions, w.user); err != nil {
			return err
		}
	}
	for _, word := range o.Env {
		if name, _, ok := strings.Cut(word, "="); !ok || name == "" {
			return &diag.Error{Kind: diag.Usage, Field: "--env", Value: word, Problem: "must be NAME=VALUE"}
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
		return &diag.Error{
			Kind:    diag.Usage,
			Field:   "--process",
			Value:   o.File,
			Problem: "names the program already: leave out " + strconv.Quote(args[0]),
		}
	case o.File == "" && len(args) == 0:
		return &diag.Error{Kind: diag.Usage, Problem: "process args cannot be empty: give a program after the ID, " +
			"or --process, or --host-binary"}
	}
	return nil
}

const idProblem = "must be a number from 0 to 4294967294"

// parseUser reads USER or USER:GROUP, each a number or a name of the container. Without a group the one of the config
// stays for a number, as in runc; a name has the group that the container's passwd gives it. What consists of digits is
// a number, and nothing else is: reading "1" as a name, or a missing part as 0, has given root to users
// (CVE-2026-30892).
func parseUser(o *libcontainer.ProcessOptions, word string) error {
	first, second, both := strings.Cut(word, ":")
	if n, ok := parseID(first); ok {
		o.UID = &n
	} else if isName(first) {
		o.UserName = first
	} else {
		return badUser(word, "user")
	}
	if !both {
		return nil
	}
	if n, ok := parseID(second); ok {
		o.GID = &n
	} else if isName(second) {
		o.GroupName = second
	} else {
		return badUser(word, "group")
	}
	return nil
}

func badUser(word, what string) error {
	return &diag.Error{
		Kind: diag.Usage, Field: "--user", Value: word,
		Problem: "must be USER or USER:GROUP; the " + what + " " + idProblem + ", or a name that the container has",
	}
}

// isName reports whether a word can be a name in passwd(5) or group(5): useradd(8) makes no others.
func isName(word string) bool {
	for i := range len(word) {
		switch c := word[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', c == '_', i > 0 && '0' <= c && c <= '9',
			i > 0 && (c == '-' || c == '.' || c == '$' && i == len(word)-1):
		default:
			return false
		}
	}
	return word != ""
}

// parseID reads the number of a user or a group. The last 32-bit number means "leave it as it is" to setresuid(2), so
// it is no id.
func parseID(word string) (uint32, bool) {
	for i := range len(word) {
		if word[i] < '0' || word[i] > '9' {
			return 0, false
		}
	}
	n, err := strconv.ParseUint(word, 10, 32)
	return uint32(n), err == nil && n != 1<<32-1
}
