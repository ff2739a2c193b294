package cli

import "rt/libcontainer"

// idText says what an id may be; it stands in the manual of several commands.
const idText = "The container's id is a name of your choice, unique under --root: letters, digits and the characters _ + . and - may be in it."

// bundleText says what a bundle is.
const bundleText = "A bundle is a directory with a config.json (see rt-spec(8)) and the root file system that it names."

// layerText says what --ephemeral and --overlay do.
const layerText = "With --ephemeral, or --overlay, the container has an overlay of the kernel over root.path, which takes all changes and the mount points that rt makes; " +
	"root.path stays as it is, and several containers may share it. --ephemeral keeps the changes in a tmpfs that ends with the last process of the container; " +
	"a memory limit of the container counts it. --overlay keeps them in DIR/upper, as overlayfs notes them: what is deleted is a device 0:0, or, for an ordinary user, " +
	"an attribute. DIR/work is the kernel's, and DIR/used-by names the container that has DIR. Mounts below root.path are not seen through the layer. " +
	"For a container that an ordinary user makes, renaming a directory of the image is refused (EXDEV), which mv(1) knows how to deal with; Linux must be 5.11 or newer, and " +
	"6.6 for --ephemeral to let a deleted directory be made again."

func createCommand() *Command {
	var o libcontainer.CreateOptions
	var trace string
	return &Command{
		Name: "create", Args: "<container-id>", Min: 1, Max: 1,
		Summary: "create a container from a bundle",
		Description: []string{
			"Makes everything that the bundle's config.json asks for: namespaces, cgroup, mounts, devices, limits. The program is not run yet: " +
				"the container waits for rt-start(8).",
			layerText,
			bundleText, idText,
		},
		Flags: append(createFlags(&o), traceFlag(&trace)),
		Action: func(c *Call) error {
			return traced(c, trace, "rt create "+c.Args[0], &o.Trace, func() error { return c.Runtime.Create(c.Args[0], &o) })
		},
		Examples: []Row{
			{"rt create --bundle /srv/web web1", "Create the container web1 of the bundle in /srv/web"},
			{"rt create --bundle /srv/web --pid-file web1.pid --console-socket /run/web1.sock web1", "The same, as engines do it"},
		},
		Files: []Row{stateFile},
	}
}

// stateFile is the FILES section of the commands that make containers.
var stateFile = Row{"/run/rt/ID/", "the state of the container; $XDG_RUNTIME_DIR/rt/ID/ for an ordinary user"}

// createFlags are the options that create and run have in common.
func createFlags(o *libcontainer.CreateOptions) []Flag {
	return []Flag{
		{Name: "bundle", Short: "b", Value: "DIR", To: &o.Bundle, Usage: "the bundle (default: the working directory)"},
		{Name: "console-socket", Value: "PATH", To: &o.ConsoleSocket, Usage: "Unix socket that gets the master end of the container's terminal"},
		{Name: "pidfd-socket", Value: "PATH", To: &o.PidfdSocket, Usage: "Unix socket that gets a pidfd of the container's process"},
		{Name: "pid-file", Value: "PATH", To: &o.PidFile, Usage: "file to write the pid of the container's process to"},
		{Name: "no-pivot", To: &o.NoPivot, Usage: "change the root with a mount move and chroot in place of pivot_root, for hosts whose root is an initramfs"},
		{Name: "no-new-keyring", To: &o.NoNewKeyring, Usage: "keep the session keyring of the caller"},
		{Name: "ephemeral", To: &o.Ephemeral, Usage: "leave root.path as it is: a layer in memory takes all changes and ends with the container"},
		{Name: "ephemeral-size", Value: "SIZE", To: &o.EphemeralSize, Usage: "--ephemeral, with this much room: bytes, or with k, m, g or % (default: half of the memory)"},
		{Name: "overlay", Value: "DIR", To: &o.Overlay, Usage: "leave root.path as it is, and keep the changes in DIR for the next time"},
		{Name: "preserve-fds", Value: "N", To: &o.PreserveFDs, Usage: "hand down N descriptors from 3 on, beside those of $LISTEN_FDS"},
	}
}
