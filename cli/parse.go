package cli

import (
	"errors"
	"strconv"
	"strings"

	"rt/libcontainer/diag"
)

// errHelp stands for --help among the options.
var errHelp = errors.New("help is wanted")

// misuse is a command line that makes no sense: the help of the command goes with it. The wording is that of the flag package, which runc has it
// from: podman and CRI-O look for "flag needs an argument" to find out what a runtime can do.
func misuse(problem string) error {
	return &diag.Error{Kind: diag.Usage, Problem: problem}
}

// parse sets the options at the start of args, and those behind the first argument too unless inOrder says that they are somebody else's. It
// returns the arguments that are left. Of two lists with an option of the same name the first one has it.
//
// An option is "--name value", "--name=value", or either with a single dash. A switch takes a value only behind "=". "--" ends
// the options, and "-" is an argument.
func parse(args []string, inOrder bool, lists ...[]Flag) ([]string, error) {
	var rest []string
	for len(args) > 0 {
		arg := args[0]
		if len(arg) < 2 || arg[0] != '-' {
			if inOrder {
				return append(rest, args...), nil
			}
			rest, args = append(rest, arg), args[1:]
			continue
		}
		args = args[1:]
		if arg == "--" {
			return append(rest, args...), nil
		}
		var err error
		if args, err = option(arg, args, lists); err != nil {
			return nil, err
		}
	}
	return rest, nil
}

// option sets the option that arg names, with a value from arg or from args, and returns what follows it.
func option(arg string, args []string, lists [][]Flag) ([]string, error) {
	name := strings.TrimPrefix(arg[1:], "-")
	name, value, given := strings.Cut(name, "=")
	f := lookup(name, lists)
	switch {
	case f == nil && (name == "help" || name == "h"):
		return nil, errHelp
	case f == nil:
		return nil, misuse("flag provided but not defined: -" + name + nearestFlag(name, lists))
	case given:
	case f.Value == "":
		value = "true"
	case len(args) == 0:
		return nil, misuse("flag needs an argument: " + arg)
	default:
		value, args = args[0], args[1:]
	}
	return args, f.set(value)
}

func lookup(name string, lists [][]Flag) *Flag {
	for _, flags := range lists {
		for i := range flags {
			if f := &flags[i]; f.Name == name || f.Short == name && name != "" {
				return f
			}
		}
	}
	return nil
}

// set gives the option a value. The last value counts: engines repeat options of those who configured them.
func (f *Flag) set(value string) error {
	switch to := f.To.(type) {
	case *string:
		*to = value
	case *bool:
		b, err := strconv.ParseBool(value)
		if err != nil {
			return f.invalid(value, "must be true or false")
		}
		*to = b
	case **bool:
		b, err := strconv.ParseBool(value)
		if err != nil {
			return f.invalid(value, "must be true or false")
		}
		*to = &b
	case *int:
		n, err := strconv.Atoi(value)
		if err != nil || n < 0 {
			return f.invalid(value, "must be a number from 0 on")
		}
		*to = n
	case *[]string:
		*to = append(*to, value) // and no value is split at commas: an environment variable may hold them
	default:
		panic("cli: option --" + f.Name + " has nowhere to go")
	}
	return nil
}

func (f *Flag) invalid(value, problem string) error {
	return &diag.Error{Kind: diag.Usage, Field: "--" + f.Name, Value: value, Problem: problem}
}

// checkArgs compares the number of arguments with what the command takes.
func checkArgs(c *Command, args []string) error {
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
	return misuse(`"` + c.Name + `"` + want)
}
