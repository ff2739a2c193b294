package cli

import "context"

func deleteCommand() *Command {
	var force bool
	return &Command{
		Name: "delete", Args: "<container-id>", Min: 1, Max: 1, Complete: []Candidates{containers},
		Summary: "remove a container that has stopped",
		Description: []string{
			"Removes the cgroup and the state of a container, and the process of one that was created but not " +
				"started. The bundle is not changed.",
		},
		Flags: []Flag{
			{Name: "force", Short: "f", To: &force, Usage: "send SIGKILL first if the container still runs; a " +
				"container that does not exist is no error"},
		},
		Action: func(c *Call) error {
			if force {
				return c.take(c.container().ForceDelete(context.Background()))
			}
			return c.take(c.container().Delete(context.Background()))
		},
		Examples: []Row{
			{"rt delete web1", "Remove the stopped container web1"},
			{"rt delete --force web1", "Kill and remove it"},
		},
		Files: []Row{stateFile},
	}
}
