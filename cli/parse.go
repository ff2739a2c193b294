package cli

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v3"

	"rt/internal/diag"
	"rt/spec"
)

// tree is the tree of urfave/cli commands for a command line: the given command, below a root with the global options.
// The library parses names and options, and calls back with the arguments.
type tree struct {
	call    *Call
	globals globals
	words   []string // the command line without the program's name

	act func(*Command) error // called with a command whose arguments are right

	all           bool // the tree has all commands and all options
	misunderstood bool // the library has found a mistake in the command line, and all was false

	badValue error // of the last option with an invalid value
	fail     int   // exit status of an error
}

// newTree returns the tree for a command line: args without the program's name.
func newTree(c *Call, args []string) *tree {
	return &tree{call: c, words: args, fail: exitFailure, act: func(command *Command) error {
		if err := c.log.openFile(); err != nil {
			return err
		}
		return command.Action(c)
	}}
}

// root returns the command of rt itself. It has only the commands and options among the words of the command line,
// unless that is for help or completion: building all would take 0.4 ms of each start. A correct command line means the
// same with either. For a message about a mistake parse builds the whole tree.
func (t *tree) root() *cli.Command {
	first := 1
	t.all = t.all || t.wantsAll()
	root := &cli.Command{
		Name: t.call.program, Usage: Summary, Flags: t.options(t.globals.flags()), Writer: t.call.Stdout,
		ErrWriter:   t.call.Stderr,
		HideVersion: true, StopOnNthArg: &first, OnUsageError: t.misused, CommandNotFound: t.unknown,
		ExitErrHandler: func(context.Context, *cli.Command, error) {}, // main prints the error, and no library ends rt
		Action:         t.rootAction,
	}
	if t.all {
		root.Description = `"` + t.call.program +
			` <command> --help" explains a command, as the manual page ` + t.call.program + `-<command>(8) does.`
		root.UsageText = t.call.program + " [global options] <command> [options] [arguments]"
	}
	if t.completing() {
		root.EnableShellCompletion, root.ShellCompletionCommandName = true, "completion of urfave/cli"
		root.ShellComplete = t.completer(nil)
	}
	for _, e := range commands() {
		if t.all || slices.Contains(t.words, e.name) {
			root.Commands = append(root.Commands, t.command(e.build(), nil))
		}
	}
	return root
}

// wantsAll reports whether the command line may concern all commands.
func (t *tree) wantsAll() bool {
	if len(t.words) == 0 || t.completing() {
		return true
	}
	return slices.ContainsFunc(t.words, func(word string) bool {
		switch word {
		case "help", "h", "--help", "-help", "-h":
			return true
		}
		return false
	})
}

// command makes a command of urfave/cli out of a Command. A subcommand also accepts the options of its parent.
func (t *tree) command(c *Command, inherited []Flag) *cli.Command {
	command := &cli.Command{
		Name: c.Name, Usage: c.Summary, ArgsUsage: c.Args, Flags: t.options(c.Flags),
		HideHelpCommand: true, // "help" may be the id of a container
		OnUsageError:    t.misused, CommandNotFound: t.unknown,
		Action: func(_ context.Context, parsed *cli.Command) error { return t.run(c, parsed) },
	}
	if t.all {
		command.Description = c.help()
	}
	if c.InOrder {
		first := 1
		command.StopOnNthArg = &first
	}
	if t.completing() {
		command.ShellComplete = t.completer(c, inherited...)
	}
	for _, sub := range c.Commands {
		command.Commands = append(command.Commands, t.command(sub, c.Flags))
	}
	return command
}

// rootAction is for a command line that names no command of rt's.
func (t *tree) rootAction(_ context.Context, root *cli.Command) error {
	if t.globals.version {
		return t.call.writeVersion()
	}
	if name := root.Args().First(); name != "" {
		t.fail = exitUnknown
		return unknownCommand(t.call.program, name)
	}
	if !t.all {
		t.misunderstood = true // there are options and no command: help lists all of both
		return nil
	}
	return cli.ShowRootCommandHelp(root)
}

// run checks the arguments of a command and the global options, and runs its action.
func (t *tree) run(c *Command, parsed *cli.Command) error {
	if t.globals.version {
		return t.call.writeVersion()
	}
	t.call.Args = parsed.Args().Slice()
	if c.Action == nil {
		return t.noSubcommand(c, parsed)
	}
	if err := checkArgs(c, parsed.FullName(), t.call.Args); err != nil {
		return err
	}
	if err := t.globals.apply(t.call); err != nil {
		return err
	}
	t.fail = max(c.Fail, exitFailure)
	return t.act(c)
}

// noSubcommand is the error for a command that lacks its subcommand, or has one that does not exist.
func (t *tree) noSubcommand(c *Command, parsed *cli.Command) error {
	var known []string
	for _, sub := range c.Commands {
		known = append(known, sub.Name)
	}
	e := misuse(parsed.FullName(), `"`+c.Name+`" needs one of its subcommands: `+strings.Join(known, ", "))
	if name := parsed.Args().First(); name != "" {
		e.Problem = `"` + name + `" is not a subcommand of ` + c.Name + ", which has " + strings.Join(known, ", ")
		if near := hintNearest(spec.Nearest(name, known)); near != "" {
			e.Hint = near
		}
	}
	return e
}

// unknown is for "rt help NAME" where there is no such command. The library returns no error, so it is recorded.
func (t *tree) unknown(_ context.Context, _ *cli.Command, name string) {
	t.fail, t.badValue = exitUnknown, unknownCommand(t.call.program, name)
}

// misused converts an error of the library. Its wording is that of the flag package, as in runc: Podman and CRI-O look
// for "flag needs an argument" to detect features of a runtime.
func (t *tree) misused(_ context.Context, cmd *cli.Command, err error, _ bool) error {
	if t.badValue != nil {
		return t.badValue
	}
	if !t.all {
		t.misunderstood = true
		return err
	}
	problem := err.Error()
	if name, ok := strings.CutPrefix(problem, "flag provided but not defined: -"); ok {
		problem += t.suggestion(cmd, name)
	}
	return misuse(cmd.FullName(), problem)
}

// suggestion suggests an option for an unknown one.
func (t *tree) suggestion(cmd *cli.Command, name string) string {
	var long []string
	var short strings.Builder
	for _, c := range cmd.Lineage() {
		for _, f := range c.VisibleFlags() {
			for _, n := range f.Names() {
				if len(n) > 1 {
					long = append(long, n)
				} else if strings.Contains(name, n) {
					short.WriteString(n)
				}
			}
		}
	}
	switch near := spec.Nearest(name, long); {
	case near != "":
		return ` (did you mean "--` + near + `"?)`
	case len(name) == 2 && short.Len() == 1:
		// docker's -it, mostly
		known := short.String()
		return " (write -" + known + ": short options are written one by one, and there is no -" +
			strings.Replace(name, known, "", 1) + ")"
	case len(name) > 1 && short.Len() == len(name):
		return " (short options are written one by one: -" + strings.Join(strings.Split(name, ""), " -") + ")"
	}
	return ""
}

// misuse returns the error of a wrong command line, with a hint to the help of that command.
func misuse(command, problem string) *diag.Error {
	return &diag.Error{Kind: diag.Usage, Problem: problem, Hint: `see "` + command + ` --help"`}
}

// checkArgs compares the number of arguments with what the command takes.
func checkArgs(c *Command, name string, args []string) error {
	n := len(args)
	if n >= c.Min && n <= c.Max {
		return nil
	}
	var want string
	switch {
	case c.Max == 0:
		want = " takes no arguments"
	case c.Min == c.Max:
		want = " requires exactly " + strconv.Itoa(c.Min) + " argument(s): " + c.Args
	case n < c.Min:
		want = " requires a minimum of " + strconv.Itoa(c.Min) + " argument(s): " + c.Args
	default:
		want = " takes at most " + strconv.Itoa(c.Max) + " argument(s): " + c.Args
	}
	e := misuse(name, `"`+c.Name+`"`+want)
	isOption := func(word string) bool { return strings.HasPrefix(word, "-") }
	if c.InOrder && n > c.Max && slices.ContainsFunc(args[1:], isOption) {
		e.Hint = "options stand before the ID; " + e.Hint
	}
	if c.Name == "run" && n > c.Max {
		e.Hint = "the program is process.args of config.json; " + e.Hint
	}
	return e
}
