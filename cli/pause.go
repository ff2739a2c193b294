package cli

import "context"

func pauseCommand() *Command {
	return &Command{
		Name: "pause", Args: "<container-id>", Min: 1, Max: 1, Complete: []Candidates{containers},
		Summary: "freeze all processes of a container",
		Description: []string{
			"Freezes the container's cgroup, and returns when all of its processes are frozen. They keep their " +
				"memory and open files. rt-resume(8) thaws the cgroup.",
		},
		Action:   func(c *Call) error { return c.container().Pause(context.Background()) },
		Examples: []Row{{"rt pause web1", "Pause the container web1"}},
	}
}

func resumeCommand() *Command {
	return &Command{
		Name: "resume", Args: "<container-id>", Min: 1, Max: 1, Complete: []Candidates{containers},
		Summary:     "resume the processes of a paused container",
		Description: []string{"Thaws a container that rt-pause(8) has frozen."},
		Action:      func(c *Call) error { return c.container().Resume(context.Background()) },
		Examples:    []Row{{"rt resume web1", "Resume the container web1"}},
	}
}
