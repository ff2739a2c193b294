package cli

func deleteCommand() *Command {
	var force bool
	return &Command{
		Name: "delete", Args: "<container-id>", Min: 1, Max: 1, Complete: []Candidates{containers},
		Summary: "remove a container that has stopped",
		Description: []string{
			"Removes what is left of a container: its cgroup, its state, and what runs in it if it was created and never started. " +
				"The bundle is left alone.",
		},
		Flags: []Flag{
			{Name: "force", Short: "f", To: &force, Usage: "kill the container first if it still runs (SIGKILL); a container that does not exist is no error"},
		},
		Action: func(c *Call) error { return c.Runtime.Delete(c.Args[0], force) },
		Examples: []Row{
			{"rt delete web1", "Remove the container web1, which has stopped"},
			{"rt delete --force web1", "Remove it whatever it does"},
		},
		Files: []Row{stateFile},
	}
}
