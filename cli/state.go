package cli

import "context"

func stateCommand() *Command {
	return &Command{
		Name: "state", Args: "<container-id>", Min: 1, Max: 1, Complete: []Candidates{containers},
		Summary: "print the state of a container as JSON",
		Description: []string{
			"Prints the state of the OCI runtime specification: ociVersion, id, status, pid, bundle and " +
				"annotations; and also rootfs, created and owner. The status is creating, created, running, paused " +
				"or stopped. The pid of a stopped container is 0.",
		},
		Action: printState,
		Examples: []Row{
			{"rt state web1 | jq -r .status", "Print the status of web1"},
			{`# rt state web1
{
  "ociVersion": "1.3.0",
  "id": "web1",
  "pid": 18798,
  "status": "running",
  "bundle": "/srv/web",
  "rootfs": "/srv/web/rootfs",
  "created": "2026-11-30T04:13:24.004694418Z",
  "owner": ""
}`, ""},
		},
	}
}

func printState(c *Call) error {
	s, err := c.container().State(context.Background())
	if err != nil {
		return err
	}
	_, err = c.Stdout.Write(append(s.AppendJSON(nil, "", false), '\n'))
	return err
}
