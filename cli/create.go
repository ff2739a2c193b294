package cli

import (
	"context"
	"os"

	"rt/internal/populate"
	"rt/libcontainer"
)

// idText describes container IDs, in the manual of several commands.
const idText = "The container's ID is a name of your choice, unique under --root. It may contain letters, digits " +
	"and the characters _ + . and -."

// bundleText explains bundles.
const bundleText = "A bundle is a directory with a config.json (see rt-spec(8)) and the root file system that it names."

// layerText explains --ephemeral and --overlay.
const layerText = "With --ephemeral or --overlay rt mounts an overlayfs over root.path. It stores all changes and " +
	"the mount points that rt creates; root.path stays unchanged, and several containers may share it. --ephemeral " +
	"stores the changes in a tmpfs, which is removed with the last process of the container and counts against its " +
	"memory limit. --overlay stores them in DIR/upper in the format of overlayfs: a deleted file is a device 0:0, " +
	"or for an ordinary user an extended attribute. DIR/work belongs to the kernel, and DIR/used-by names the " +
	"container that uses DIR: a second one is refused. Mounts below root.path are not visible through the overlay. " +
	"For an ordinary user both require Linux 5.11, and rename(2) of a directory of the image fails with EXDEV, which " +
	"mv(1) handles. With --ephemeral an ordinary user can create a deleted directory again since Linux 6.6."

func createCommand() *Command {
	var o libcontainer.CreateOptions
	var trace string
	return &Command{
		Name: "create", Args: "<container-id>", Min: 1, Max: 1,
		Summary: "create a container from a bundle",
		Description: []string{
			"Creates the container that the bundle's config.json describes: namespaces, cgroup, mounts, devices, " +
				"limits. It does not run the program: the container waits for rt-start(8).",
			layerText,
			bundleText, idText,
		},
		Flags: append(createFlags(&o), traceFlag(&trace)),
		Action: func(c *Call) error {
			populate.Compilation()
			return traced(
				c,
				trace,
				"rt create "+c.Args[0],
				&o.Trace,
				func() error {
					o.Stdin, o.Stdout, o.Stderr = os.Stdin, os.Stdout, os.Stderr
					container, err := c.Runtime.Create(context.Background(), c.Args[0], &o)
					return c.take(container.Created, err)
				},
			)
		},
		Examples: []Row{
			{"rt create --bundle /srv/web web1", "Create the container web1 from the bundle in /srv/web"},
			{
				"rt create --bundle /srv/web --pid-file web1.pid --console-socket /run/web1.sock web1",
				"The same, as an engine does it",
			},
		},
		Files: []Row{stateFile},
	}
}

// stateFile is in the FILES section of the commands that create containers.
var stateFile = Row{"/run/rt/ID/", "the state of the container; $XDG_RUNTIME_DIR/rt/ID/ for an ordinary user"}

// createFlags are the options that create and run have in common.
func createFlags(o *libcontainer.CreateOptions) []Flag {
	return []Flag{
		{Name: "bundle", Short: "b", Value: "DIR", To: &o.Bundle, Usage: "the bundle (default: the working directory)"},
		{Name: "console-socket", Value: "PATH", To: &o.ConsoleSocket, Usage: "Unix socket that gets the master end " +
			"of the container's terminal"},
		{Name: "pidfd-socket", Value: "PATH", To: &o.PidfdSocket, Usage: "Unix socket that gets a pidfd of the " +
			"container's process"},
		{Name: "pid-file", Value: "PATH", To: &o.PidFile, Usage: "write the pid of the container's process to this " +
			"file"},
		{Name: "no-pivot", To: &o.NoPivot, Usage: "move the root file system to / (MS_MOVE) and chroot(2) instead of " +
			"pivot_root(2), for hosts whose root is an initramfs"},
		{Name: "no-new-keyring", To: &o.NoNewKeyring, Usage: "use the session keyring of the caller (default: a new " +
			"one)"},
		{Name: "ephemeral", To: &o.Ephemeral, Usage: "leave root.path unchanged: changes go to a tmpfs that is " +
			"removed with the container"},
		{Name: "ephemeral-size", Value: "SIZE", To: &o.EphemeralSize, Usage: "--ephemeral with a tmpfs of this " +
			"size, in bytes or with k, m, g or % (default: half of the memory)"},
		{Name: "overlay", Value: "DIR", To: &o.Overlay, Usage: "leave root.path unchanged, and store the changes in " +
			"DIR for the next container"},
		{Name: "preserve-fds", Value: "N", To: &o.PreserveFDs, Usage: "pass the next N descriptors to the program: " +
			"from 3 on, or after those of $LISTEN_FDS (default: 0)"},
	}
}
