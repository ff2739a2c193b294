// Package cli is the command line of rt: that of runc 1.5 and a little more.
//
// It turns arguments into options, makes one call of package libcontainer, and turns what that returns into text or
// JSON. It runs in rt only, and is the only package that prints. It refuses unknown options and ignores none. It
// decides nothing about containers.
//
// The commands are data: a Command has its arguments and options, and the texts of its help, its manual page (man/gen)
// and shell completion. urfave/cli parses the command line and prints help, from a tree that parse.go builds from that
// data, only for the given command: rt runs for a few milliseconds (docs/decisions/0006).
package cli

import "strings"

// Command is a command of rt, or a subcommand.
type Command struct {
	Name    string
	Args    string // the arguments after the options, for help: "<container-id> [signal]"
	Summary string // a line without a full stop
	Min     int    // how many arguments it takes
	Max     int
	// InOrder says that words after the first argument are never options of rt: in exec, kill and ps they belong to
	// another program.
	InOrder bool
	Flags   []Flag
	Action  func(*Call) error
	Fail    int // exit status if Action fails; 0 stands for 1
	// Commands are subcommands. A command with subcommands takes only their names, and has no Action.
	Commands []*Command
	// Complete has the candidates of shell completion for each argument.
	Complete []Candidates

	Description []string // paragraphs
	Examples    []Row    // one of them may be a transcript for the manual page: IsTranscript
	Exit        []Row    // exit statuses other than 0 and 1
	Files       []Row
}

// Flag is an option: --name, or -s if it has a short name.
type Flag struct {
	Name   string
	Short  string
	Value  string // the name of the value in help: "PATH"; "" for a switch
	Usage  string
	Hidden bool // accepted for old callers, and not shown
	// The variable for the value: *string, *bool, *int; **bool if "not given" is a third case; *[]string if it may be
	// repeated.
	To       any
	Complete Candidates // what a shell may offer for the value; nil: files or directories if Value says so
}

// Row is a line of a manual page: an example and what it does, an exit status and when it occurs.
type Row struct{ Term, Text string }

// IsTranscript reports whether an example is a transcript: commands, each after "# " and with its output behind it.
func (r Row) IsTranscript() bool { return strings.HasPrefix(r.Term, "# ") }

// anyNumber is the Max of a command that takes any number of arguments.
const anyNumber = 1 << 30

// entry is a row of commands: a name, and how to build the command.
type entry struct {
	name  string
	build func() *Command
}

// commands has a constructor for each command. A constructor binds options to its variables; building all commands
// would slow each start of rt, and only help and the manual need them.
//
// It is a function since completion, one of the commands, lists them all.
func commands() []entry {
	return []entry{
		{"create", createCommand},
		{"start", startCommand},
		{"run", runCommand},
		{"state", stateCommand},
		{"list", listCommand},
		{"exec", execCommand},
		{"kill", killCommand},
		{"delete", deleteCommand},
		{"ps", psCommand},
		{"pause", pauseCommand},
		{"resume", resumeCommand},
		{"update", updateCommand},
		{"mount", mountCommand},
		{"umount", umountCommand},
		{"device", deviceCommand},
		{"events", eventsCommand},
		{"stats", statsCommand},
		{"tree", treeCommand},
		{"audit", auditCommand},
		{"checkpoint", checkpointCommand},
		{"restore", restoreCommand},
		{"spec", specCommand},
		{"validate", validateCommand},
		{"plan", planCommand},
		{"seccomp", seccompCommand},
		{"features", featuresCommand},
		{"doctor", doctorCommand},
		{"completion", completionCommand},
		{"version", versionCommand},
	}
}

// names lists the commands.
func names() []string {
	var list []string
	for _, e := range commands() {
		list = append(list, e.name)
	}
	return list
}

// Commands builds all commands, for help and the manual.
func Commands() []*Command {
	var list []*Command
	for _, e := range commands() {
		list = append(list, e.build())
	}
	return list
}
