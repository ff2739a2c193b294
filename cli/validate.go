package cli

import (
	"strconv"

	"rt/internal/diag"
	"rt/internal/jsonscan"
	"rt/libcontainer"
)

func validateCommand() *Command {
	var bundle string
	format := "text"
	return &Command{
		Name: "validate", Args: "[bundle]", Min: 0, Max: 1, Complete: []Candidates{directories},
		Summary: "check the config.json of a bundle",
		Description: []string{
			"Checks config.json as create and run do, and prints all findings, one per line, with line, column and " +
				"field. The check does not depend on this machine, and changes nothing.",
			"A warning does not prevent a container: what run would warn of, a property that is given twice, and one " +
				"that the specification does not define. The latter is often a typing mistake, so rt prints the name " +
				"that was probably meant. An editor can check a config while it is written: see --schema in " +
				"rt-spec(8).",
		},
		Flags: []Flag{
			{Name: "bundle", Short: "b", Value: "DIR", To: &bundle, Usage: "the bundle (default: the working " +
				"directory)"},
			formatFlag(&format, "text"),
		},
		Action: func(c *Call) error { return validate(c, bundleOf(c.Args, bundle), format) },
		Examples: []Row{
			{"rt validate web", "Check web/config.json"},
			{"rt validate --format json web | jq -r '.[].field'", "Print only the fields with findings"},
			{`# rt validate web
config.json:41:3: warning: process.noNewPrivilege: is unknown and ignored: did you mean "noNewPrivileges"?
config.json is valid`, ""},
		},
		Exit:  []Row{{"1", "there are problems, or config.json can't be read"}},
		Files: []Row{{"config.json", "what is checked"}},
	}
}

// formatFlag is the option of commands that print text for people, called human, or JSON for programs.
func formatFlag(to *string, human string) Flag {
	return Flag{
		Name: "format", Short: "f", Value: "FORMAT", To: to, Complete: oneOf(human, "json"),
		Usage: human + " or json (default: " + human + ")",
	}
}

// checkFormat refuses a format that is neither human nor json.
func checkFormat(format, human string) error {
	if format == human || format == "json" {
		return nil
	}
	return &diag.Error{Kind: diag.Usage, Field: "--format", Value: format, Problem: "must be " + human + " or json"}
}

// bundleOf returns the bundle of a command that takes it as its argument or as an option.
func bundleOf(args []string, option string) string {
	if len(args) > 0 {
		return args[0]
	}
	return option
}

// validate prints the findings about a config to standard output. An invalid config is an error.
func validate(c *Call, bundle, format string) error {
	if err := checkFormat(format, "text"); err != nil {
		return err
	}
	findings, err := libcontainer.Validate(bundle)
	if err != nil {
		return err
	}
	var text []byte
	problems := 0
	for i := range findings {
		if findings[i].Problem {
			problems++
		}
		if format == "text" {
			text = c.appendFinding(text, &findings[i])
		}
	}
	switch {
	case format == "json":
		text = appendFindingList(text, findings)
	case problems == 0:
		text = append(text, "config.json is valid\n"...)
	}
	if _, err := c.Stdout.Write(text); err != nil || problems == 0 {
		return err
	}
	verdict := "config.json has " + strconv.Itoa(problems) + " problems"
	if problems == 1 {
		verdict = "config.json has a problem"
	}
	return &diag.Error{Kind: diag.Document, Problem: verdict}
}

// The colours of findings on a terminal (ECMA-48, SGR).
const (
	bold   = "\x1b[1m"
	dim    = "\x1b[2m"
	red    = "\x1b[31m"
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
	cyan   = "\x1b[36m"
	plain  = "\x1b[m"
)

// paint appends text in a colour, if colours are wanted.
func (c *Call) paint(dst []byte, colour, text string) []byte {
	if !c.Colour {
		return append(dst, text...)
	}
	return append(append(append(dst, colour...), text...), plain...)
}

// appendFinding appends a finding as compilers print theirs, so that editors jump to it.
func (c *Call) appendFinding(dst []byte, f *libcontainer.Finding) []byte {
	at := "config.json:" + strconv.Itoa(f.Line) + ":" + strconv.Itoa(f.Column) + ":"
	dst = append(c.paint(dst, bold, at), ' ')
	if !f.Problem {
		dst = append(c.paint(dst, yellow, "warning:"), ' ')
	}
	if f.Field != "" {
		dst = c.paint(dst, cyan, f.Field)
		if f.Value != "" {
			dst = append(dst, " "+strconv.Quote(f.Value)...)
		}
		dst = append(dst, ": "...)
	}
	dst = append(dst, oneLine(f.Text)...)
	if f.Hint != "" {
		dst = append(dst, " (hint: "+f.Hint+")"...)
	}
	return append(dst, '\n')
}

// appendFindingList appends the findings as an array of objects.
func appendFindingList(dst []byte, findings []libcontainer.Finding) []byte {
	dst = append(dst, '[')
	for i := range findings {
		f := &findings[i]
		if i > 0 {
			dst = append(dst, ',')
		}
		level := "warning"
		if f.Problem {
			level = "error"
		}
		dst = jsonscan.AppendString(append(dst, "\n{\"level\":"...), level)
		dst = appendNumber(dst, "line", f.Line)
		dst = appendNumber(dst, "column", f.Column)
		dst = appendMember(dst, "field", f.Field)
		dst = appendMember(dst, "value", f.Value)
		dst = appendMember(dst, "problem", f.Text)
		dst = append(appendMember(dst, "hint", f.Hint), '}')
	}
	return append(dst, "\n]\n"...)
}
