package cli

import "rt/libcontainer"

func checkpointCommand() *Command {
	o := libcontainer.CheckpointOptions{StatusFD: -1}
	return &Command{
		Name: "checkpoint", Args: "<container-id>", Min: 1, Max: 1, Complete: []Candidates{containers},
		Summary: "save a running container to files",
		Description: []string{
			"Saves the processes of a container, with their memory and all that they have open, to a directory of files, from which rt-restore(8) makes them " +
				"a container again: here or on another machine, once or often. Then the container is gone, as after rt-delete(8), unless --leave-running has it go on. " +
				"Nothing of its root file system and its bind mounts is saved. If anything can't be saved, rt says what, and the container goes on.",
			"The work is done by CRIU (criu(8)), version 3.15 or newer, which must be installed and takes the rights of root.",
			"With --pre-dump the container goes on and only its memory is saved; a later checkpoint with --parent-path saves what has changed since, and stands " +
				"still for a shorter time.",
			"With --lazy-pages the memory stays where it is, and is fetched from the address of --page-server when the restored container touches it.",
		},
		Flags: append(imageFlags(&o.ImageOptions),
			Flag{Name: "parent-path", Value: "DIR", To: &o.ParentPath, Usage: "the images of an earlier --pre-dump, relative to --image-path"},
			Flag{Name: "leave-running", To: &o.LeaveRunning, Usage: "let the container go on afterwards"},
			Flag{Name: "status-fd", Value: "FD", To: &o.StatusFD, Usage: "descriptor that gets a zero byte when, with --lazy-pages, the memory can be fetched"},
			Flag{Name: "page-server", Value: "ADDRESS:PORT", To: &o.PageServer, Usage: "send the memory to a `criu page-server` there; with --lazy-pages, wait there for who fetches it"},
			Flag{Name: "pre-dump", To: &o.PreDump, Usage: "save the memory only, and let the container go on"},
		),
		Action: func(c *Call) error { return c.Runtime.Checkpoint(c.Args[0], &o) },
		Examples: []Row{
			{"rt checkpoint --image-path /srv/web1.images web1", "Save the container web1, which ends with that"},
			{"rt checkpoint --image-path /srv/web1.images --leave-running --tcp-established web1", "Save it as it is now, with its connections, and let it go on"},
			{"rt checkpoint --image-path /srv/images/1 --pre-dump web1", "Save its memory while it works"},
			{"rt checkpoint --image-path /srv/images/2 --parent-path ../1 web1", "Then the rest, and what has changed"},
		},
		Files: []Row{stateFile, criuConfig},
	}
}

func restoreCommand() *Command {
	var o libcontainer.RestoreOptions
	return &Command{
		Name: "restore", Args: "<container-id>", Min: 1, Max: 1,
		Summary: "make a container of the files that checkpoint has saved",
		Description: []string{
			"Makes a container whose processes go on where rt-checkpoint(8) has saved them. What is not in the files comes from the bundle: the root file system, " +
				"the sources of bind mounts, the cgroup and its limits, the network namespace if the config names one. The container gets rt's standard streams in place " +
				"of the pipes that it had, or a new terminal. Of the hooks prestart, createRuntime and poststop are run.",
			"Without --detach rt waits for the end of the first process, deletes the container and exits with its status, as rt-run(8) does.",
			bundleText, idText,
		},
		Flags: append(imageFlags(&o.ImageOptions),
			Flag{Name: "bundle", Short: "b", Value: "DIR", To: &o.Bundle, Usage: "the bundle (default: the working directory)"},
			Flag{Name: "console-socket", Value: "PATH", To: &o.ConsoleSocket, Usage: "Unix socket that gets the master end of the container's terminal"},
			Flag{Name: "detach", Short: "d", To: &o.Detach, Usage: "return when the container runs"},
			Flag{Name: "pid-file", Value: "PATH", To: &o.PidFile, Usage: "file to write the pid of the container's process to"},
			Flag{Name: "no-subreaper", To: &o.NoSubreaper, Usage: "do not become the parent of the container's orphans where it shares a pid namespace"},
			Flag{Name: "no-pivot", To: &o.NoPivot, Usage: "has no effect but a warning: CRIU changes the root by itself"},
			// go-runc has one set of options for both. The images know their parents themselves.
			Flag{Name: "parent-path", Value: "DIR", Hidden: true, To: &o.ParentPath, Usage: "ignored by CRIU: the images know their parent"},
			Flag{Name: "lsm-profile", Value: "TYPE:NAME", To: &o.LSMProfile, Usage: "give the processes this label in place of theirs: apparmor:NAME or selinux:LABEL"},
			Flag{Name: "lsm-mount-context", Value: "LABEL", To: &o.LSMMountContext, Usage: "give mounts this SELinux label in place of theirs"},
		),
		Action: func(c *Call) (err error) {
			c.Status, err = c.Runtime.Restore(c.Args[0], &o)
			return err
		},
		Examples: []Row{
			{"rt restore --bundle /srv/web --image-path /srv/web1.images --detach web1", "Bring the container web1 back"},
			{"rt restore --bundle /srv/web --image-path /srv/web1.images web2", "Make another one of the same images, and wait for its end"},
		},
		Exit: []Row{
			{"the program's", "the program has ended by itself"},
			{"128 + n", "signal n has ended the program"},
		},
		Files: []Row{stateFile, criuConfig},
	}
}

// criuConfig is in the FILES section of both.
var criuConfig = Row{"/etc/criu/runc.conf", "options for CRIU that go before all others; the annotation org.criu.config of the config names another file, or none"}

// imageFlags are the options that checkpoint and restore have in common.
func imageFlags(o *libcontainer.ImageOptions) []Flag {
	return []Flag{
		{Name: "image-path", Value: "DIR", To: &o.ImagePath, Usage: "the directory of the files (default: checkpoint, in the working directory)"},
		{Name: "work-path", Value: "DIR", To: &o.WorkPath, Usage: "where CRIU works and keeps its log (default: in the container's state, with which it goes)"},
		{Name: "tcp-established", To: &o.TCPEstablished, Usage: "allow TCP connections that are established"},
		{Name: "tcp-skip-in-flight", To: &o.TCPSkipInFlight, Usage: "leave out TCP connections that are not established yet"},
		{Name: "ext-unix-sk", To: &o.ExtUnixSockets, Usage: "allow Unix sockets whose other end is outside of the container"},
		{Name: "shell-job", To: &o.ShellJob, Usage: "allow a terminal that is not the container's own"},
		{Name: "file-locks", To: &o.FileLocks, Usage: "allow file locks, which nobody outside may wait for"},
		{Name: "link-remap", To: &o.LinkRemap, Usage: "allow files that are open and deleted, with names made for them meanwhile"},
		{Name: "lazy-pages", To: &o.LazyPages, Usage: "leave the memory where it is until it is used: userfaultfd(2)"},
		{Name: "manage-cgroups-mode", Value: "MODE", To: &o.ManageCgroups, Complete: oneOf("soft", "full", "strict", "ignore"), Usage: "what of the cgroups below the container's is saved and made again: soft, full, strict or ignore (default: soft)"},
		{Name: "empty-ns", Value: "NAMESPACE", To: &o.EmptyNS, Complete: oneOf("network"), Usage: "leave a namespace empty, for a hook to fill: network"},
		{Name: "auto-dedup", To: &o.AutoDedup, Usage: "drop memory from the parent's images that is saved again, or has been restored"},
	}
}
