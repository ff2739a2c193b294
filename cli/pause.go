package cli

func pauseCommand() *Command {
	return &Command{
		Name: "pause", Args: "<container-id>", Min: 1, Max: 1, Complete: []Candidates{containers},
		Summary: "stop all processes of a container where they are",
		Description: []string{
			"Freezes the container's cgroup, and returns when all of its processes stand still. They keep their memory and whatever they have open, and do not notice. " +
				"rt-resume(8) lets them go on.",
		},
		Action:   func(c *Call) error { return c.Runtime.Pause(c.Args[0]) },
		Examples: []Row{{"rt pause web1", "Pause the container web1"}},
	}
}

func resumeCommand() *Command {
	return &Command{
		Name: "resume", Args: "<container-id>", Min: 1, Max: 1, Complete: []Candidates{containers},
		Summary:     "let the processes of a paused container go on",
		Description: []string{"Undoes rt-pause(8)."},
		Action:      func(c *Call) error { return c.Runtime.Resume(c.Args[0]) },
		Examples:    []Row{{"rt resume web1", "Let the container web1 go on"}},
	}
}
