package cli

import "context"

func startCommand() *Command {
	return &Command{
		Name: "start", Args: "<container-id>", Min: 1, Max: 1, Complete: []Candidates{containers},
		Summary: "run the program of a created container",
		Description: []string{
			"Runs process.args of the config in a container that rt-create(8) has created. If the program can't be " +
				"executed, start fails with the reason.",
			"With NOTIFY_SOCKET in the environment of both create and start, as a service manager sets it, start " +
				"waits until the program reports that it is ready (sd_notify(3)), and forwards the report.",
		},
		Action:   func(c *Call) error { return c.take(c.container().Start(context.Background())) },
		Examples: []Row{{"rt start web1", "Start the container web1"}},
	}
}
