package cli

import (
	"context"

	"rt/internal/diag"
	"rt/libcontainer"
)

// planOptions are the options of plan.
type planOptions struct {
	create        libcontainer.CreateOptions
	asJSON, wait  bool
	diff, noPager bool
	format        string
	field, why    string
	colour        string
}

func planCommand() *Command {
	o := planOptions{format: "text", colour: "auto"}
	return &Command{
		Name: "plan", Args: "[bundle] [other bundle]", Min: 0, Max: 2, Complete: []Candidates{directories, directories},
		Summary: "print what create or run would do, step by step",
		Description: []string{
			"Compiles config.json into the plan that run would execute on this machine, and prints it: one line per " +
				"step, with the system call, the field of the config that requires it and a comment. Nothing is " +
				"executed. Lines that start with \"rt:\" are what rt itself does meanwhile, outside the container.",
			"With --ephemeral or --overlay it shows how the overlay over root.path is mounted.",
			"A $name is a descriptor that rt passes, or the result of an earlier step. An error of run or create " +
				"names the step of the plan that failed.",
			"With --diff it prints what differs between two plans, without the numbers of steps: lines with - are of " +
				"the first, those with + of the second. A config.json by any name will do instead of a bundle, or " +
				"a plan that --format json has printed.",
			"On a terminal, lines are folded to its width, and a long plan is shown by a pager, as git(1) does: " +
				"RT_PAGER, PAGER or less(1). An empty RT_PAGER turns that off.",
		},
		Flags: append([]Flag{
			formatFlag(&o.format, "text"),
			{Name: "json", To: &o.asJSON, Usage: "the same as --format json"},
			{Name: "create", To: &o.wait, Usage: "print the plan of create, which waits for start before it executes " +
				"the program"},
			{
				Name: "field", Value: "FIELD", To: &o.field,
				Usage: "print only the steps that this field requires, such as mounts[3] or process.capabilities",
			},
			{Name: "why", Value: "WORD", To: &o.why, Usage: "print only the steps that contain the word, such as a " +
				"path or a system call, and those of fields that contain it"},
			{Name: "diff", To: &o.diff, Usage: "compare the plans of two bundles"},
			colourFlag(&o.colour),
			{Name: "no-pager", To: &o.noPager, Usage: "never start a pager"},
		}, planFlags(&o.create)...),
		Action: func(c *Call) error { return o.run(c) },
		Examples: []Row{
			{"rt plan web", "Print the plan of the bundle in web"},
			{"rt plan --why /proc/keys web", "See why /proc/keys can't be read in the container"},
			{"rt plan --diff web/old.json web", "See what the changes since old.json, a copy of config.json, change"},
			{"rt plan --json web | jq -r '.steps[].call' | sort | uniq -c", "Count its system calls"},
			{`# rt plan --field hostname web
names
  11  sethostname("rt", 2)  # hostname: set the host name`, ""},
		},
		Files: []Row{{"config.json", "the config to compile"}},
	}
}

// planFlags are the options of create that change the plan.
func planFlags(o *libcontainer.CreateOptions) []Flag {
	var some []Flag
	for _, f := range createFlags(o) {
		switch f.Name {
		case "bundle", "no-pivot", "no-new-keyring", "preserve-fds", "ephemeral", "ephemeral-size", "overlay":
			some = append(some, f)
		}
	}
	return some
}

func (o *planOptions) run(c *Call) error {
	if err := checkFormat(o.format, "text"); err != nil {
		return err
	}
	if err := c.chooseColour(o.colour); err != nil {
		return err
	}
	asJSON := o.asJSON || o.format == "json"
	switch {
	case o.diff:
		if len(c.Args) != 2 || asJSON || o.field != "" || o.why != "" {
			return misuse(c.program+" plan", "--diff takes two bundles, and no --json, --field or --why")
		}
		return o.printDiff(c)
	case len(c.Args) > 1:
		return misuse(c.program+" plan", "two bundles are for --diff")
	case o.field != "" && o.why != "" || asJSON && (o.field != "" || o.why != ""):
		return misuse(c.program+" plan", "only one of --field, --why and --json can be given")
	}
	p, result, err := c.Runtime.Plan(context.Background(), bundleOf(c.Args, o.create.Bundle), &o.create, o.wait)
	if err := c.take(result, err); err != nil {
		return err
	}
	if asJSON {
		_, err = c.Stdout.Write(p.AppendJSON(nil))
		return err
	}
	view := libcontainer.PlanView{Colour: c.Colour, Width: c.width}
	switch {
	case o.field != "":
		view.Keep = libcontainer.StepsFor(o.field)
	case o.why != "":
		view.Keep = why(bundleOf(c.Args, o.create.Bundle), o.why)
	}
	text := p.AppendView(nil, &view)
	if len(text) == 0 {
		return o.nothingFound(c.program)
	}
	return c.page(text, o.noPager)
}

// nothingFound returns the error of --field or --why if they select no step.
func (o *planOptions) nothingFound(program string) error {
	e := &diag.Error{
		Kind: diag.Usage, Field: "--field", Value: o.field, Problem: "no step of the plan is for this field",
		Hint: "`" + program + " plan` without options prints all steps",
	}
	if o.why != "" {
		e.Field, e.Value, e.Problem = "--why", o.why, "no step of the plan is about this word"
	}
	return e
}
