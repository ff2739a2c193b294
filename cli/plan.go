package cli

import "rt/libcontainer"

func planCommand() *Command {
	var o libcontainer.CreateOptions
	var asJSON, wait bool
	format := "text"
	return &Command{
		Name: "plan", Args: "[bundle]", Min: 0, Max: 1, Complete: []Candidates{directories},
		Summary: "print what create or run would do, step by step",
		Description: []string{
			"Compiles config.json into the plan that run would execute on this machine, and prints it: one line per " +
				"step, with the system call, the field of the config that asks for it and a comment. Nothing is " +
				"executed. Lines that start with \"rt:\" are what rt itself does meanwhile, outside the container.",
			"With --ephemeral or --overlay it shows how the overlay over root.path is mounted.",
			"A $name is a descriptor that rt passes, or the result of an earlier step. An error of run or create " +
				"names the step of the plan that failed.",
		},
		Flags: append([]Flag{
			formatFlag(&format, "text"),
			{Name: "json", To: &asJSON, Usage: "the same as --format json"},
			{Name: "create", To: &wait, Usage: "print the plan of create, which waits for start before it executes " +
				"the program"},
		}, planFlags(&o)...),
		Action: func(c *Call) error {
			if err := checkFormat(format, "text"); err != nil {
				return err
			}
			return printPlan(c, &o, wait, asJSON || format == "json")
		},
		Examples: []Row{
			{"rt plan web | less -R", "Print the plan of the bundle in web"},
			{"rt plan --json web | jq -r '.steps[].call' | sort | uniq -c", "Count its system calls"},
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

func printPlan(c *Call, o *libcontainer.CreateOptions, wait, asJSON bool) error {
	p, err := c.Runtime.Plan(bundleOf(c.Args, o.Bundle), o, wait)
	if err != nil {
		return err
	}
	var text []byte
	if asJSON {
		text = p.AppendJSON(nil)
	} else {
		text = p.AppendText(nil, c.Colour)
	}
	_, err = c.Stdout.Write(text)
	return err
}
