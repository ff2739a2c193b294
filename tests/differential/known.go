package main

import (
	"regexp"
	"slices"
)

// wanted is a difference that is wanted, with the reason. A fact is a line as differences prints it.
type wanted struct {
	fact   *regexp.Regexp
	reason string
}

// known are the differences that are wanted everywhere.
var known = []wanted{
	{
		regexp.MustCompile(`^[+-] (path (/run|/tmp|/data|/opt/\w+|/mnt/\w+|/etc/data) directory` +
			`|at (/sys/fs/cgroup|/run|/tmp|/data|/opt/\w+|/mnt/\w+|/etc/data) \d+ )`),
		"runc 1.1 gives a tmpfs the mode of what it covers, whatever mode= says",
	},
	{
		regexp.MustCompile(`^[+-] (mount|path) ` +
			`/(proc/(acpi|asound|keys|timer_list|kcore|latency_stats|scsi|interrupts)|` +
			`sys/(firmware|devices/virtual/powercap)|secret(\.d)?|tmp|etc/passwd|proc/sys/kernel/shmmax) ` +
			`(ro,nosuid,nodev,noexec,relatime|ro,relatime|rw,nosuid|rw,relatime|directory|character)`),
		"what hides a path is nosuid, nodev and noexec, and a directory has mode 755: stricter than others",
	},
	{
		regexp.MustCompile(`^[+-] (super|at) /(proc/(acpi|asound|keys|timer_list|kcore|latency_stats|scsi|interrupts)` +
			`|sys/(firmware|devices/virtual/powercap)|secret\.d) (tmpfs r[ow]|755 0:0|1777 0:0)$`),
		"a directory that is hidden is an empty tmpfs of mode 755 under a read-only mount; " +
			"it is in no other mount, so its super block need not be read-only",
	},
	{
		regexp.MustCompile(`^[+-] mount .* root=/null$`),
		"what hides a file is a node in a tmpfs of the container's, read-only",
	},
	{
		regexp.MustCompile(`^[+-] (status Umask:|mkdir ok)`),
		"exec has the umask of run, 0022, whatever its caller's is",
	},
	{
		regexp.MustCompile(`^- env HOME=$|^\+ env HOME=/$`),
		"a passwd that does not know the user gives / as in run, not an empty HOME",
	},
	{
		regexp.MustCompile(`^[+-] image .* (f (644|755|700)|d (755|700)) (0:0|1000:1000|100000:100000)$`),
		"what is made to be mounted on has mode 644 or 755, whatever the umask of the caller",
	},
	{
		regexp.MustCompile(`^[+-] mount /dev/(null|zero|full|random|urandom|tty) r[ow],.* ` +
			`root=/(null|zero|full|random|urandom|tty)$`),
		"a node of the host's that rt lends is attached read-only, nosuid and noexec (docs/security.md)",
	},
	{
		regexp.MustCompile(`^(- hook \w+ fds .*|\+ hook \w+ fds 0 1 2 3)$`),
		"a hook has its three streams; crun leaves it more",
	},
	{
		regexp.MustCompile(`^\+ hook startContainer env HOME=`),
		"a hook of the image runs as the container's user does, HOME included",
	},
	{
		regexp.MustCompile(`^[+-] mount \S+ \S+ (private|slave|shared|shared slave) \w+ root=DIR/src/`),
		"where the config is silent a bind is a slave of its source, as with runc before 1.2: what the host mounts " +
			"below it later appears",
	},
	{
		regexp.MustCompile(`^[+-] mount / \S+ (private|slave) \w+ root=DIR/bundle/rootfs$`),
		"rslave is slave, for the root too; newer ones have the root private then",
	},
	{
		regexp.MustCompile(`^[+-] (node /dev/mqueue directory|at /dev/mqueue) 1777 0:\d+\b`),
		"in a user namespace the queue directory is its root's, group included: " +
			"others leave it to the host's root group, mapped or not",
	},
	{regexp.MustCompile(`^[+-] status NSpid:`), "rt's exec takes one pid fewer"},
	{regexp.MustCompile(`^[+-] mount /sys/fs/cgroup r[ow],`), "the config says ro"},
	{
		regexp.MustCompile(`^(- status SigIgn:|\+ status SigIgn: 0000000000000000|[+-] status SigCgt:)`),
		"what rt's caller ignores (nohup, a background job of a shell) is not ignored in the container; the shell " +
			"catches what is not ignored",
	},
	{regexp.MustCompile(`^[+-] status Groups: (7 )?7$`), "exec --additional-gids: others list a group twice"},
	{
		regexp.MustCompile(`is given twice, with other properties`),
		"two devices at one path are a mistake, which others hide: the first or the last counts",
	},
	{
		regexp.MustCompile(`^! .*linux\.uidMappings: needs \{"type": "user"\}`),
		"ids that are mapped without a user namespace are a mistake, which others hide",
	},
	{
		regexp.MustCompile(`^- node /dev/core symbolic link`),
		"a machine without /proc/kcore has no use for a link to it",
	},
	{
		regexp.MustCompile(`^\+ resource /sys/fs/cgroup/devices/devices\.list c 1:[35789] rwm$`),
		"the default devices stay allowed if the config puts another one at the path of one of them",
	},
	{
		regexp.MustCompile(`^[+-] hook poststart state`),
		"the program runs when poststart hooks are called (runtime.md, lifecycle), so that is the status they are told",
	},
}

// knownRootless are those of an ordinary user's rt.
var knownRootless = []wanted{
	{
		regexp.MustCompile(`^- (mount|resource) /sys/fs/cgroup/\w+`),
		"a container without a cgroup of its own has none to show on v1; others show the machine's",
	},
	{
		regexp.MustCompile(`^[+-] after "ps --format json":`),
		"rt lists the processes of a container without a cgroup, too",
	},
}

// knownWhen are those of some cases only.
var knownWhen = []struct {
	when func(c *kase) bool
	wanted
}{
	{neverStarted, wanted{
		regexp.MustCompile(`^- hook poststart `),
		"runc 1.1 runs poststart hooks when it creates the container; they belong to start (config.md, Poststart)",
	}},
	{
		func(c *kase) bool { return c.has("hook startContainer, failing true") },
		wanted{
			regexp.MustCompile(`^[+-] after "start": status [01], stopped$`),
			"a startContainer hook that fails is an error of start (config.md, StartContainer Hooks); others do not " +
				"say so",
		},
	},
	{
		func(*kase) bool { return oldPeers },
		wanted{
			regexp.MustCompile(`^[+-] mount /dev/shm rw,(nosuid,nodev,noexec,)?relatime tmpfs root=/$`),
			"a pod's /dev/shm is bound with the options rbind, rprivate and rw: " +
				"since runc 1.2 a bind has the flags of its options if one of them is about a flag",
		},
	},
	{
		func(*kase) bool { return oldPeers },
		wanted{
			regexp.MustCompile(`^[+-] image \./\S+ f (644|755) \d+:\d+$`),
			"runc 1.1 gives a mount point that it makes for a file the mode of a directory; newer ones do as rt does",
		},
	},
	{
		func(c *kase) bool { return oldPeers && c.has("caller: ulimit -n 500") },
		wanted{
			regexp.MustCompile(`^[+-] limit Max open files`),
			"runc 1.1 gives an exec its hard limit as the soft one, which the Go runtime has raised for runc itself",
		},
	},
}

// neverStarted reports whether a container is created, and no command starts its program.
func neverStarted(c *kase) bool {
	return slices.Contains(c.sequence, "create") && !slices.Contains(c.sequence, "start") &&
		!slices.Contains(c.sequence, "run")
}
