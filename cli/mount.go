package cli

import (
	"context"
	"path/filepath"
	"strings"

	"rt/libcontainer"
)

// mountOptions are the options of mount.
type mountOptions struct {
	kind    string
	options []string
	plan    bool
}

func mountCommand() *Command {
	var o mountOptions
	return &Command{
		Name: "mount", Args: "<container-id> <source> <destination>", Min: 3, Max: 3,
		Complete: []Candidates{containers, files},
		Summary:  "add a mount to a running container",
		Description: []string{
			"Mounts a file or directory of the host, or a new tmpfs, in a container that is created, running or " +
				"paused. The rules are those of mounts in config.json, with the same options: the source is cloned " +
				"outside the container, restricted before the container can see it, and attached below the " +
				"container's root, where no link leads out. A missing mount point is created, unless the root of " +
				"the container is read-only, " +
				"as that of rt-spec(8) is: it must exist then. Without an option for " +
				"propagation the mount is private (rprivate): what is mounted there later, on either side, does not " +
				"appear on the other.",
			"The mount is recorded in the state of the container: rt audit does not report it, and rt umount removes " +
				"it. It is removed with the container. Masked and read-only paths can't be covered.",
			"This requires Linux 5.12 (mount_setattr(2)). A container with such mounts can't be checkpointed.",
		},
		Flags: []Flag{
			{
				Name: "type", Short: "t", Value: "TYPE", To: &o.kind,
				Usage: "bind or tmpfs; the source of a tmpfs is only a name in the mount table (default: bind)",
			},
			{
				Name: "options", Short: "o", Value: "LIST", To: &o.options,
				Usage: "options of mounts in config.json, with commas between them: ro,noexec,rbind,size=10m",
			},
			{Name: "plan", To: &o.plan, Usage: "print the steps, and do not execute them"},
		},
		Action: func(c *Call) error { return o.mount(c) },
		Examples: []Row{
			{"rt mount -o ro web1 /srv/tools /tools", "Mount the directory /srv/tools read-only at /tools in web1"},
			{"rt mount -t tmpfs -o size=64m,noexec web1 scratch /scratch", "Mount a tmpfs of 64 MiB at /scratch"},
			{"rt mount --plan web1 /srv/tools /tools", "Print the system calls of the first example"},
			{`# rt mount -o ro web1 /srv/tools /tools
# rt exec web1 touch /tools/new
touch: /tools/new: Read-only file system`, ""},
		},
	}
}

func (o *mountOptions) mount(c *Call) error {
	m := &libcontainer.AddedMount{Type: o.kind, Source: c.Args[1], Destination: c.Args[2]}
	for _, list := range o.options {
		m.Options = append(m.Options, strings.Split(list, ",")...)
	}
	if m.Type == "" {
		m.Type = "bind"
	}
	if m.Type == "bind" && m.Source != "" {
		var err error
		if m.Source, err = filepath.Abs(m.Source); err != nil {
			return err
		}
	}
	if !o.plan {
		return c.take(c.container().Mount(context.Background(), m))
	}
	p, result, err := c.container().MountPlan(context.Background(), m)
	if err := c.take(result, err); err != nil {
		return err
	}
	return c.page(p.AppendView(nil, &libcontainer.PlanView{Colour: c.Colour, Width: c.width}), false)
}

func umountCommand() *Command {
	return &Command{
		Name: "umount", Args: "<container-id> <destination>", Min: 2, Max: 2,
		Complete: []Candidates{containers},
		Summary:  "remove a mount that rt mount has added",
		Description: []string{
			"Removes the mount that rt mount has added last at the destination, with all mounts below it. " +
				"Processes that have a file of it open keep that file (MNT_DETACH of umount(2)). A mount point that " +
				"rt created stays, as an empty file or directory.",
			"Nothing else is removed: neither a mount of config.json, nor one that the container has made.",
		},
		Action: func(c *Call) error { return c.container().Umount(context.Background(), c.Args[1]) },
		Examples: []Row{
			{"rt umount web1 /tools", "Remove the mount at /tools of web1"},
		},
	}
}
