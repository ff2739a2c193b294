package cli

import (
	"context"

	"rt/libcontainer"
)

func deviceCommand() *Command {
	var d libcontainer.AddedDevice
	return &Command{
		Name: "device", Args: "add|remove",
		Summary: "add a device to a running container, or remove it",
		Description: []string{
			"rt device add <container-id> <path> gives a container that is created, running or paused a device of " +
				"the host: its cgroup gets a rule that allows the device, on cgroup v1 and v2, and the host's node " +
				"is bound into the container, read-only, so that its mode and owner can't be changed there. What " +
				"the user of a process may do with it depends on that mode and owner.",
			"rt device remove <container-id> <path> removes a device that was added, by its path in the container, " +
				"and its rule. A process that has the device open keeps it. A file that rt made for the device " +
				"stays, empty.",
			"The device is recorded like what rt mount adds, and everything said there applies. An rt update with " +
				"device rules replaces the rule.",
		},
		Flags: []Flag{
			{
				Name: "at", Value: "PATH", To: &d.Destination,
				Usage: "add: the path in the container (default: the same)",
			},
			{
				Name: "access", Value: "ACCESS", To: &d.Access,
				Usage: "add: what is allowed, r (read), w (write) and m (mknod) (default: rwm)",
			},
		},
		Commands: []*Command{
			{
				Name: "add", Args: "<container-id> <path>", Min: 2, Max: 2, Complete: []Candidates{containers, files},
				Summary: "add a device of the host",
				Action: func(c *Call) error {
					d.Path = c.Args[1]
					return c.container().AddDevice(context.Background(), &d)
				},
			},
			{
				Name: "remove", Args: "<container-id> <path>", Min: 2, Max: 2, Complete: []Candidates{containers},
				Summary: "remove a device that was added",
				Action: func(c *Call) error {
					if d.Destination != "" || d.Access != "" {
						return misuse(c.program+" device remove", "--at and --access are for add")
					}
					return c.container().RemoveDevice(context.Background(), c.Args[1])
				},
			},
		},
		Examples: []Row{
			{"rt device add web1 /dev/fuse", "Let web1 use FUSE"},
			{"rt device add --access r --at /dev/disk web1 /dev/loop0", "Let it read the block device loop0"},
			{"rt device remove web1 /dev/fuse", "Take it away again"},
		},
	}
}
