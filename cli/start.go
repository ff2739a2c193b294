package cli

func startCommand() *Command {
	return &Command{
		Name: "start", Args: "<container-id>", Min: 1, Max: 1, Complete: []Candidates{containers},
		Summary: "run the program of a created container",
		Description: []string{
			"Lets a container that rt-create(8) made run its program, process.args of its config. If the program can't be executed, " +
				"start says so and fails.",
			"With NOTIFY_SOCKET in the environment of both create and start, as a service manager sets it, start waits until the program says that it is ready " +
				"(sd_notify(3)), and passes that on.",
		},
		Action:   func(c *Call) error { return c.Runtime.Start(c.Args[0]) },
		Examples: []Row{{"rt start web1", "Start the container web1"}},
	}
}
