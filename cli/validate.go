package cli

import (
	"errors"
	"strconv"

	"rt/internal/diag"
	"rt/spec"
)

func validateCommand() *Command {
	var bundle string
	return &Command{
		Name: "validate", Args: "[bundle]", Min: 0, Max: 1, Complete: []Candidates{directories},
		Summary: "check the config.json of a bundle",
		Description: []string{
			"Checks config.json as create and run do, and prints all problems, one per line, with the field. A " +
				"property that the specification does not define is no error, but often a typing mistake: it is " +
				"printed with line and column, and the probably intended name. The check does not depend on this " +
				"machine, and changes nothing.",
		},
		Flags: []Flag{{Name: "bundle", Short: "b", Value: "DIR", To: &bundle, Usage: "the bundle (default: the " +
			"working directory)"}},
		Action: func(c *Call) error { return validate(c, bundleOf(c.Args, bundle)) },
		Examples: []Row{
			{"rt validate web", "Check web/config.json"},
		},
		Exit:  []Row{{"1", "there are problems, or config.json can't be read"}},
		Files: []Row{{"config.json", "what is checked"}},
	}
}

// bundleOf returns the bundle of a command that takes it as its argument or as an option.
func bundleOf(args []string, option string) string {
	if len(args) > 0 {
		return args[0]
	}
	return option
}

// validate prints the problems of a config to standard output. An invalid config is an error.
func validate(c *Call, bundle string) error {
	s, err := spec.Load(bundle, spec.LoadOptions{Unknown: true})
	var e *diag.Error
	switch {
	case err == nil:
	case errors.As(err, &e) && e.Kind == diag.Document && e.Errno == 0:
		return problems(c, e)
	default:
		return err
	}
	var text []byte
	for _, w := range s.Warnings {
		text = append(text, "warning: "+w+"\n"...)
	}
	for i := range s.Unknown {
		text = appendUnknown(text, &s.Unknown[i])
	}
	_, err = c.Stdout.Write(append(text, "config.json is valid\n"...))
	return err
}

// problems prints each problem on a line of its own.
func problems(c *Call, e *diag.Error) error {
	var text []byte
	for _, one := range append([]*diag.Error{e}, e.More...) {
		alone := *one
		alone.More, alone.Op = nil, "" // the file is what the whole report is about
		text = append(append(text, oneLine(alone.Error())...), '\n')
	}
	if _, err := c.Stdout.Write(text); err != nil {
		return err
	}
	n := 1 + len(e.More)
	verdict := "config.json has " + strconv.Itoa(n) + " problems"
	if n == 1 {
		verdict = "config.json has a problem"
	}
	return &diag.Error{Kind: diag.Document, Problem: verdict}
}

// appendUnknown appends a line about a property that the specification does not define.
func appendUnknown(dst []byte, u *spec.Unknown) []byte {
	dst = append(dst, "config.json:"+strconv.Itoa(u.Line)+":"+strconv.Itoa(u.Column)+": "+u.Path...)
	switch {
	case u.Used:
		dst = append(dst, ` is taken for "`+u.Nearest+`": names are case-sensitive`...)
	case u.Nearest != "":
		dst = append(dst, ` is unknown and ignored: did you mean "`+u.Nearest+`"?`...)
	default:
		dst = append(dst, " is unknown and ignored"...)
	}
	return append(dst, '\n')
}
