package cli

import (
	"context"
	"io"
	"os"
	"strconv"
	"time"

	"rt/libcontainer"
)

func restoreCommand() *Command {
	var o libcontainer.RestoreOptions
	return &Command{
		Name: "restore", Args: "<container-id>", Min: 1, Max: 1,
		Summary: "restore a container from the files of checkpoint",
		Description: []string{
			"Restores a container that rt-checkpoint(8) has dumped. The bundle provides the root file system, the " +
				"sources of bind mounts, the cgroup and its limits, and the network namespace if the config names " +
				"one. The container gets rt's standard streams instead of its pipes, or a new terminal. The hooks " +
				"prestart, createRuntime and poststop run.",
			"Without --detach rt waits until the container's init ends, deletes the container and exits with the " +
				"status of the init, like rt-run(8).",
			"On a terminal a line shows the size of the images and the time so far, until the container continues, " +
				"which may use the same terminal. If it has its own (--console-socket), a last line shows what CRIU " +
				"has counted.",
			cgroupsModeText, bundleText, idText,
		},
		Flags: restoreFlags(&o),
		Action: func(c *Call) error {
			o.Stdin, o.Stdout, o.Stderr = os.Stdin, os.Stdout, os.Stderr
			shown := false
			if c.log.terminal() {
				o.Progress = func(p libcontainer.RestoreProgress) {
					shown = p.Stage == libcontainer.Restoring
					c.showRestore(p, o.Detach && o.ConsoleSocket != "")
				}
			}
			result, err := c.Runtime.Restore(context.Background(), c.Args[0], &o)
			if shown {
				_, _ = io.WriteString(c.Stderr, clearLine) // the error has a line of its own
			}
			return c.take(result, err)
		},
		Examples: []Row{
			{"rt restore --bundle /srv/web --image-path /srv/web1.images --detach web1", "Restore the container web1"},
			{"rt restore --bundle /srv/web --image-path /srv/web1.images web2", "Restore another container from the " +
				"same images, and wait until it ends"},
		},
		Exit: []Row{
			{"the program's", "the program has exited"},
			{"128 + n", "signal n has killed the program"},
		},
		Files: []Row{stateFile, criuConfig},
	}
}

// restoreFlags are the options of restore.
func restoreFlags(o *libcontainer.RestoreOptions) []Flag {
	return append(
		imageFlags(&o.ImageOptions),
		Flag{Name: "bundle", Short: "b", Value: "DIR", To: &o.Bundle, Usage: "the bundle (default: the working " +
			"directory)"},
		Flag{Name: "console-socket", Value: "PATH", To: &o.ConsoleSocket, Usage: "Unix socket that gets the " +
			"master end of the container's terminal"},
		Flag{Name: "detach", Short: "d", To: &o.Detach, Usage: "return as soon as the container runs"},
		Flag{Name: "pid-file", Value: "PATH", To: &o.PidFile, Usage: "write the pid of the container's process " +
			"to this file"},
		Flag{Name: "no-subreaper", To: &o.NoSubreaper, Usage: "do not become a subreaper (prctl(2)) for a " +
			"container without its own pid namespace"},
		Flag{Name: "no-pivot", To: &o.NoPivot, Usage: "has no effect, and prints a warning: CRIU changes the root"},
		// go-runc has one set of options for both. The images know their parents themselves.
		Flag{
			Name:   "parent-path",
			Value:  "DIR",
			Hidden: true,
			To:     &o.ParentPath,
			Usage:  "ignored by CRIU: the images know their parent",
		},
		Flag{Name: "lsm-profile", Value: "TYPE:NAME", To: &o.LSMProfile, Usage: "replace the label of the " +
			"processes: apparmor:NAME or selinux:LABEL"},
		Flag{Name: "lsm-mount-context", Value: "LABEL", To: &o.LSMMountContext, Usage: "replace the SELinux " +
			"label of mounts"},
	)
}

// showRestore shows how far a restore has come, in a line of the terminal that each call writes again. The line is
// cleared before the container continues, whose streams may be that terminal. If its terminal is elsewhere, a last line
// has the statistics.
func (c *Call) showRestore(p libcontainer.RestoreProgress, elsewhere bool) {
	text := clearLine
	switch {
	case p.Stage == libcontainer.Restoring:
		text += "restoring " + size(uint64(p.Bytes)) + " of images, " + p.Elapsed.Round(100*time.Millisecond).String()
	case p.Stage == libcontainer.Resumed && !elsewhere:
		return
	case p.Stage == libcontainer.Resumed:
		text = "restored " + size(uint64(p.Bytes)) + " of images"
		if p.Pages > 0 {
			text += ", " + strconv.FormatUint(p.Pages, 10) + " pages"
		}
		if p.RestoreTime > 0 {
			text += "; CRIU took " + p.ForkTime.Round(100*time.Microsecond).String() + " to fork the processes, and " +
				p.RestoreTime.Round(time.Millisecond).String() + " in total"
		}
		text += "\n"
	}
	_, _ = io.WriteString(c.Stderr, text)
}
