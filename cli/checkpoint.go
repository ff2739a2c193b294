package cli

import (
	"context"
	"io"
	"strconv"
	"time"

	"rt/libcontainer"
)

func checkpointCommand() *Command {
	o := libcontainer.CheckpointOptions{StatusFD: -1}
	return &Command{
		Name: "checkpoint", Args: "<container-id>", Min: 1, Max: 1, Complete: []Candidates{containers},
		Summary: "dump a running container to files",
		Description: []string{
			"Dumps the processes of a container, with their memory and open files, to a directory of image files. " +
				"rt-restore(8) makes a container of them, on this machine or another, any number of times. The " +
				"container is then deleted as by rt-delete(8), unless --leave-running is given. Its root file " +
				"system and bind mounts are not saved. If something can't be dumped, rt fails with the reason, and " +
				"the container continues.",
			"On a terminal a line shows how much memory is dumped, and at the end how many pages, and for how long " +
				"the processes were frozen.",
			"This requires CRIU (criu(8)) 3.15 or newer, and root.",
			cgroupsModeText,
			"--pre-dump dumps only the memory, and the container continues. A later checkpoint with --parent-path " +
				"dumps what has changed since, which shortens the time that the container is frozen.",
			"With --lazy-pages the memory is not dumped: the restored container fetches each page from the address " +
				"of --page-server on first access.",
		},
		Flags: append(imageFlags(&o.ImageOptions),
			Flag{Name: "parent-path", Value: "DIR", To: &o.ParentPath, Usage: "the images of an earlier --pre-dump, " +
				"relative to --image-path"},
			Flag{Name: "leave-running", To: &o.LeaveRunning, Usage: "let the container continue afterwards"},
			Flag{Name: "status-fd", Value: "FD", To: &o.StatusFD, Usage: "descriptor that gets a zero byte when, " +
				"with --lazy-pages, memory pages can be fetched"},
			Flag{Name: "page-server", Value: "ADDRESS:PORT", To: &o.PageServer, Usage: "send memory pages to the " +
				"`criu page-server` at this address; with --lazy-pages, serve them there"},
			Flag{Name: "pre-dump", To: &o.PreDump, Usage: "dump only the memory, and let the container continue"},
		),
		Action: func(c *Call) error {
			shown := false
			if c.log.terminal() {
				o.Progress = func(p libcontainer.CheckpointProgress) {
					shown = true
					c.showProgress(p)
				}
			}
			err := c.take(c.container().Checkpoint(context.Background(), &o))
			if err != nil && shown {
				_, _ = io.WriteString(c.Stderr, clearLine) // the error has a line of its own
			}
			return err
		},
		Examples: []Row{
			{"rt checkpoint --image-path /srv/web1.images web1", "Dump the container web1 and delete it"},
			{
				"rt checkpoint --image-path /srv/web1.images --leave-running --tcp-established web1",
				"Dump it with its TCP connections, and let it continue",
			},
			{"rt checkpoint --image-path /srv/images/1 --pre-dump web1", "Dump its memory while it runs"},
			{"rt checkpoint --image-path /srv/images/2 --parent-path ../1 web1", "Then dump the rest, and what has " +
				"changed"},
		},
		Files: []Row{stateFile, criuConfig},
	}
}

// clearLine goes to the first column of a terminal, and clears the line (ECMA-48, EL).
const clearLine = "\r\x1b[K"

// showProgress shows how far a checkpoint has come, in a line of the terminal that each call writes again.
func (c *Call) showProgress(p libcontainer.CheckpointProgress) {
	if !p.Done {
		_, _ = io.WriteString(c.Stderr, clearLine+"dumped "+size(uint64(p.Bytes))+" of memory")
		return
	}
	text := clearLine + "dumped " + size(uint64(p.Bytes)) + " of memory"
	if p.Pages > 0 {
		text += ", " + strconv.FormatUint(p.Pages, 10) + " pages"
	}
	if p.FrozenTime > 0 {
		text += "; the processes were frozen for " + p.FrozenTime.Round(time.Millisecond).String()
	}
	_, _ = io.WriteString(c.Stderr, text+"\n")
}

// criuConfig is in the FILES section of checkpoint and restore.
var criuConfig = Row{"/etc/criu/runc.conf", "options for CRIU that override all others; the annotation " +
	"org.criu.config of the config names another file, or none"}

// cgroupsModeText explains the values of --manage-cgroups-mode.
const cgroupsModeText = "--manage-cgroups-mode is about the cgroups that the container has made below its own. soft " +
	"restores the properties of those that CRIU creates; full restores the properties of existing ones too; strict " +
	"fails if one exists; ignore neither dumps nor restores them."

// imageFlags are the options that checkpoint and restore have in common.
func imageFlags(o *libcontainer.ImageOptions) []Flag {
	return []Flag{
		{Name: "image-path", Value: "DIR", To: &o.ImagePath, Usage: "the directory of the images (default: " +
			"checkpoint, in the working directory)"},
		{Name: "work-path", Value: "DIR", To: &o.WorkPath, Usage: "working directory of CRIU, with its log " +
			"(default: in the container's state directory, and removed with it)"},
		{Name: "tcp-established", To: &o.TCPEstablished, Usage: "allow established TCP connections (default: they " +
			"are an error)"},
		{Name: "tcp-skip-in-flight", To: &o.TCPSkipInFlight, Usage: "skip TCP connections that are not established " +
			"yet"},
		{Name: "ext-unix-sk", To: &o.ExtUnixSockets, Usage: "allow Unix sockets connected to processes outside the " +
			"container"},
		{Name: "shell-job", To: &o.ShellJob, Usage: "allow a terminal that is not the container's own, such as that " +
			"of rt-run(8)"},
		{Name: "file-locks", To: &o.FileLocks, Usage: "allow file locks, if no process outside the container uses " +
			"them"},
		{Name: "link-remap", To: &o.LinkRemap, Usage: "allow open files that were deleted, by linking them " +
			"temporarily"},
		{Name: "lazy-pages", To: &o.LazyPages, Usage: "load memory pages on first access (userfaultfd(2))"},
		{
			Name:     "manage-cgroups-mode",
			Value:    "MODE",
			To:       &o.ManageCgroups,
			Complete: oneOf("soft", "full", "strict", "ignore"),
			Usage: "which cgroups are restored, and how: soft, full, strict or ignore, as explained above " +
				"(default: soft)",
		},
		{
			Name:     "empty-ns",
			Value:    "NAMESPACE",
			To:       &o.EmptyNS,
			Complete: oneOf("network"),
			Usage:    "leave a namespace empty, for a hook to fill: network",
		},
		{Name: "auto-dedup", To: &o.AutoDedup, Usage: "drop pages from the parent's images when they are dumped " +
			"again or restored"},
	}
}
