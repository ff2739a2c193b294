package main

import (
	"strings"

	"rt/cli"
)

// pages are all manual pages, by the names of their files.
func pages() map[string]string {
	commands := cli.Commands()
	all := map[string]string{"rt.8": overview(commands)}
	for _, c := range commands {
		all["rt-"+c.Name+".8"] = page(c)
	}
	return all
}

// overview is the page of rt itself.
func overview(commands []*cli.Command) string {
	var r roff
	r.title("rt")
	r.section("NAME")
	r.text("rt - " + cli.Summary)
	r.section("SYNOPSIS")
	r.synopsis("rt", "[global options] <command> [options] [arguments]")
	r.section("DESCRIPTION")
	r.text("rt is a low-level container runtime. It creates a container from a bundle, a directory with a " +
		"config.json and a root file system, as the OCI runtime specification describes it. rt has the commands, " +
		"options and exit statuses of runc(8), and some more, so engines such as containerd, Docker, Podman and " +
		"CRI-O can call " +
		"it instead of runc.")
	r.text("rt compiles config.json into a plan, a list of system calls. A process of a few pages executes the plan " +
		"in the container, and then the program. rt-plan(8) prints the plan. An error names the step that failed.")
	r.section("COMMANDS")
	for _, c := range commands {
		r.item("rt-"+c.Name+"(8)", c.Summary)
	}
	r.section("GLOBAL OPTIONS")
	r.text("They may stand before the command, or among its options.")
	r.options(cli.GlobalFlags())
	r.section("EXIT STATUS")
	r.exits([]cli.Row{
		{Term: "3", Text: "there is no such command"},
		{Term: "255", Text: "rt-exec(8) could not run the program"},
		{Term: "other", Text: "rt-run(8), rt-exec(8) and rt-restore(8) exit with the status of the program"},
	})
	r.section("ENVIRONMENT")
	r.item("XDG_RUNTIME_DIR", "the directory in which rt creates the directory rt for the state of an ordinary "+
		"user's containers")
	r.item("LISTEN_FDS", "the number of descriptors from 3 on that the service manager has passed "+
		"(sd_listen_fds(3)): the program "+
		"in the container gets them, if LISTEN_PID is the pid of rt")
	r.item("NOTIFY_SOCKET", "the socket of a service manager (sd_notify(3)). The container gets a socket of its own, "+
		"/run/notify/notify.sock. When the program reports there that it is ready, rt forwards that, and no other "+
		"message. rt-start(8) and rt-run(8) with --detach wait for it, and tell the service manager the pid of the "+
		"container's init")
	r.item("NO_COLOR", "if it is set, rt prints no colours")
	r.item("RT_PAGER, PAGER", "the pager of rt-plan(8); an empty RT_PAGER turns it off (default: less)")
	r.section("FILES")
	r.item("config.json", "the config of the container, in the bundle")
	r.item("/run/rt/", "the state of all containers; $XDG_RUNTIME_DIR/rt/ for an ordinary user")
	r.section("EXAMPLES")
	r.example("Create a bundle and run it",
		"mkdir -p web/rootfs && rt spec --bundle web && cp -a /srv/root/. web/rootfs && rt run ./web")
	r.section("SEE ALSO")
	var see []string
	for _, c := range commands {
		see = append(see, "rt-"+c.Name+"(8)")
	}
	r.text(strings.Join(append(see, "runc(8)", "namespaces(7)", "cgroups(7)"), ", "))
	r.text("The OCI runtime specification: https://github.com/opencontainers/runtime-spec")
	return r.String()
}

// page is the page of a command.
func page(c *cli.Command) string {
	var r roff
	r.title("rt-" + c.Name)
	r.section("NAME")
	r.text("rt-" + c.Name + " - " + c.Summary)
	r.section("SYNOPSIS")
	r.synopsis("rt "+c.Name, strings.TrimSpace("[options] "+c.Args))
	r.section("DESCRIPTION")
	for _, p := range c.Description {
		r.text(p)
	}
	if len(c.Commands) > 0 {
		r.section("COMMANDS")
		for _, sub := range c.Commands {
			r.tagged(bold(sub.Name)+" "+italic(sub.Args), sub.Summary)
		}
	}
	r.section("OPTIONS")
	r.options(c.Flags)
	r.text("The global options of rt(8) are also accepted.")
	r.section("EXIT STATUS")
	r.exits(c.Exit)
	if len(c.Files) > 0 {
		r.section("FILES")
		for _, f := range c.Files {
			r.item(f.Term, f.Text)
		}
	}
	r.section("EXAMPLES")
	for _, e := range c.Examples {
		if e.IsTranscript() {
			r.transcript(e.Term)
		} else {
			r.example(e.Text, e.Term)
		}
	}
	r.section("SEE ALSO")
	r.text("rt(8)")
	return r.String()
}

// exits lists the exit statuses: 0 and 1 are the same for all commands, unless rows say more of them.
func (r *roff) exits(rows []cli.Row) {
	if len(rows) == 0 || rows[0].Term != "the program's" {
		r.item("0", "success")
	}
	if len(rows) == 0 || rows[0].Term != "1" {
		r.item("1", "an error, which is printed to standard error and logged")
	}
	for _, row := range rows {
		r.item(row.Term, row.Text)
	}
}

// options lists options.
func (r *roff) options(flags []cli.Flag) {
	for i := range flags {
		f := &flags[i]
		if f.Hidden {
			continue
		}
		name := bold("--" + f.Name)
		if f.Short != "" {
			name += ", " + bold("-"+f.Short)
		}
		if f.Value != "" {
			name += " " + italic(f.Value)
		}
		r.tagged(name, f.Usage)
	}
	r.tagged(bold("--help")+", "+bold("-h"), "print help")
}
