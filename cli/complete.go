package cli

import (
	"context"
	"slices"
	"strings"

	"github.com/urfave/cli/v3"
	"golang.org/x/sys/unix"

	"rt/seccomp"
	"rt/spec"
)

// Candidates returns the completions of a word: candidates, or one of the two requests below. It fails silently: a
// shell can't show an error during completion.
type Candidates func(c *Call) []string

// Requests to the shell to complete files by itself: it handles "~", quotes and slashes.
const (
	askFiles       = ":files"
	askDirectories = ":directories"
)

func files(*Call) []string       { return []string{askFiles} }
func directories(*Call) []string { return []string{askDirectories} }

// oneOf returns candidates that are fixed words.
func oneOf(words ...string) Candidates { return func(*Call) []string { return words } }

// containers returns the ids of the containers under --root.
func containers(c *Call) []string {
	all, _, err := c.Runtime.List(context.Background())
	if err != nil {
		return nil
	}
	var ids []string
	for _, state := range all {
		ids = append(ids, state.ID)
	}
	return ids
}

// signals returns the names of all signals, as kill accepts them.
func signals(*Call) []string {
	var list []string
	for n := unix.Signal(1); n < sigRTMin; n++ {
		if name := unix.SignalName(n); name != "" {
			list = append(list, strings.TrimPrefix(name, "SIG"))
		}
	}
	return append(list, "RTMIN", "RTMAX")
}

// capabilities returns the names of all capabilities.
func capabilities(*Call) []string { return spec.CapabilityNames() }

// architectures returns the names of architectures in the specification.
func architectures(*Call) []string { return seccomp.Architectures() }

// completionRequest is the last word of a command line that a shell wants completed. The word before it is the one to
// complete, and may be empty.
const completionRequest = "--generate-shell-completion" // as urfave/cli has it

// completing reports whether the command line is a request for completion.
func (t *tree) completing() bool {
	return len(t.words) > 0 && t.words[len(t.words)-1] == completionRequest
}

// completer prints the candidates for the last word, for a command, or with nil for rt itself: a candidate and its
// description on each line, with a tab between them. urfave/cli has already parsed the command and the options before
// it.
func (t *tree) completer(c *Command, inherited ...Flag) cli.ShellCompleteFunc {
	flags := append(inherited, t.globals.flags()...)
	if c != nil {
		flags = append(slices.Clip(c.Flags), flags...)
	}
	return func(_ context.Context, parsed *cli.Command) {
		_ = t.globals.apply(t.call) // for --root
		words := t.words[:len(t.words)-1]
		word, before := "", words // if no word is given, the empty word is completed
		if last := len(words) - 1; last >= 0 {
			word, before = words[last], words[:last]
		}
		args := parsed.Args().Slice()
		for _, row := range t.candidates(c, flags, args, before, word) {
			line := row.Term
			if row.Text != "" {
				line += "\t" + row.Text
			}
			_, _ = t.call.Stdout.Write([]byte(line + "\n"))
		}
	}
}

// candidates returns the rows that match the last word: values of the option before it, options, or arguments.
func (t *tree) candidates(c *Command, flags []Flag, args, before []string, word string) []Row {
	theirs := c != nil && c.InOrder && len(args) > 1 // after the id of exec all words are the program's
	if f := flagOf(flags, before); f != nil && !theirs {
		return matching(f.values(t.call), "", word)
	}
	if name, value, ok := strings.Cut(word, "="); ok && !theirs {
		if f := flagOf(flags, []string{name}); f != nil {
			return matching(f.values(t.call), name+"=", value)
		}
	}
	if strings.HasPrefix(word, "-") && !theirs {
		return matchingFlags(flags, word)
	}
	switch {
	case c == nil:
		return matchingCommands(Commands(), word)
	case len(c.Commands) > 0:
		return matchingCommands(c.Commands, word)
	}
	if n := max(len(args), 1) - 1; n < len(c.Complete) {
		return matching(c.Complete[n](t.call), "", word)
	}
	if theirs {
		return []Row{{askFiles, ""}}
	}
	return nil
}

// flagOf returns the option that the last word is, if its value is missing; else nil.
func flagOf(flags []Flag, words []string) *Flag {
	if len(words) == 0 || !strings.HasPrefix(words[len(words)-1], "-") {
		return nil
	}
	name := strings.TrimLeft(words[len(words)-1], "-")
	for i := range flags {
		if f := &flags[i]; f.Value != "" && (f.Name == name || f.Short == name) {
			return f
		}
	}
	return nil
}

// values returns the candidates for the value of an option.
func (f *Flag) values(c *Call) []string {
	switch {
	case f.Complete != nil:
		return f.Complete(c)
	case f.Value == "DIR":
		return []string{askDirectories}
	case f.Value == "PATH", f.Value == "FILE":
		return []string{askFiles}
	}
	return nil
}

// matching returns the words with the given beginning, each with prefix before it.
func matching(words []string, prefix, begin string) []Row {
	var rows []Row
	for _, w := range words {
		if w == askFiles || w == askDirectories {
			return []Row{{w, ""}}
		}
		if strings.HasPrefix(w, begin) {
			rows = append(rows, Row{prefix + w, ""})
		}
	}
	return rows
}

func matchingFlags(flags []Flag, begin string) []Row {
	var rows []Row
	for i := range flags {
		if f := &flags[i]; !f.Hidden && strings.HasPrefix("--"+f.Name, begin) {
			rows = append(rows, Row{"--" + f.Name, f.Usage})
		}
	}
	if strings.HasPrefix("--help", begin) {
		rows = append(rows, Row{"--help", "show help"})
	}
	return rows
}

func matchingCommands(commands []*Command, begin string) []Row {
	var rows []Row
	for _, c := range commands {
		if strings.HasPrefix(c.Name, begin) {
			rows = append(rows, Row{c.Name, c.Summary})
		}
	}
	return rows
}
