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
			"rt device add <container-id> <path> adds a device of the host to a container that is created, running " +
				"or paused. The cgroup gets a rule that allows the device, on cgroup v1 and v2. The node of the host " +
				"is bind-mounted read-only into the container, so the container can't change its mode and owner. " +
				"These decide which users of the container may open the device.",
			"rt device remove <container-id> <path> removes a device that was added, by its path in the container, " +
				"and its rule. A process that has the device open keeps it. The empty file that rt created as the " +
				"mount point stays.",
			"The mount of the device is recorded as those of rt-mount(8) are, with the same requirements. An rt " +
				"update with device rules replaces the rule.",
		},
		Flags: []Flag{
			{
				Name: "at", Value: "PATH", To: &d.Destination,
				Usage: "add: the path in the container (default: the same)",
			},
			{
				Name: "access", Value: "ACCESS", To: &d.Access,
				Usage: "add: what is allowed: letters of r (read), w (write) and m (mknod) (default: rwm)",
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
			{"rt device remove web1 /dev/fuse", "Remove /dev/fuse"},
		},
	}
}
