package cli

import (
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/libcontainer"
)

func runCommand() *Command {
	var o libcontainer.RunOptions
	var trace, record string
	return &Command{
		Name: "run", Args: "<container-id> | <bundle>", Min: 1, Max: 1, Complete: []Candidates{directories},
		Summary: "create a container and run its program",
		Description: []string{
			"Does what create and start do, waits for the end of the program, deletes the container and exits with the program's status. " +
				"Meanwhile signals are passed on to the program, and the size of the terminal is followed. With --detach it returns once the program runs.",
			"With --seccomp-record rt answers every system call of the container, which is slower, and notes it. What the program did not do this time is not in " +
				"the profile: let it do all its work. Processes that rt exec starts are not observed.",
			layerText,
			bundleText, idText,
			"In place of an id the argument may be a bundle: a path with a slash in it, or a directory that holds a config.json where the working directory has none. " +
				"The container then gets the directory's name and a few random digits for an id; with --detach it is printed.",
		},
		Flags: append(createFlags(&o.CreateOptions),
			Flag{Name: "detach", Short: "d", To: &o.Detach, Usage: "return when the program runs"},
			Flag{Name: "keep", To: &o.Keep, Usage: "do not delete the container at its end"},
			Flag{Name: "no-subreaper", To: &o.NoSubreaper, Usage: "do not become the parent of the container's orphans where it shares a pid namespace"},
			Flag{
				Name: "seccomp-record", Value: "FILE", To: &record,
				Usage: "run without linux.seccomp, and write a profile that allows the system calls that were made, and no other",
			},
			traceFlag(&trace),
		),
		Action: func(c *Call) error {
			return recorded(c, record, &o.Observe, func() error { return run(c, &o, trace) })
		},
		Examples: []Row{
			{"rt run --bundle /srv/web web1", "Run the bundle in /srv/web as the container web1"},
			{"rt run ./web", "Run the bundle in the directory web, under a name that rt makes up"},
			{"rt run --ephemeral ./web", "Try something: whatever the program does to its files, web stays as it is"},
			{"rt run --overlay changes ./web", "The same, but see in changes/upper what it did, and go on from there the next time"},
			{"rt run --seccomp-record web.json --bundle /srv/web web1", "Find out which system calls the program needs; rt-seccomp(8) explains the profile"},
			{"rt run --trace web1.json --bundle /srv/web web1", "Record each step of the start, to be opened at https://ui.perfetto.dev"},
		},
		Exit: []Row{
			{"the program's", "the program has ended by itself"},
			{"128 + n", "signal n has ended the program"},
		},
		Files: []Row{stateFile},
	}
}

func run(c *Call, o *libcontainer.RunOptions, trace string) error {
	id, madeUp := c.Args[0], false
	if o.Bundle == "" && isBundle(id) {
		o.Bundle, madeUp = id, true
		var err error
		if id, err = makeUpID(o.Bundle); err != nil {
			return err
		}
	}
	err := traced(c, trace, "rt run "+id, &o.Trace, func() (err error) {
		c.Status, err = c.Runtime.Run(id, o)
		return err
	})
	if err == nil && madeUp && o.Detach {
		_, err = c.Stdout.Write([]byte(id + "\n"))
	}
	return err
}

// isBundle reports whether the argument of run is a bundle. No id has a slash, or is "."; a word that could be an id is a bundle only if runc could do nothing
// with it, which wants a config.json in the working directory.
func isBundle(arg string) bool {
	if strings.Contains(arg, "/") || arg == "." || arg == ".." {
		return true
	}
	return hasConfig(arg) && !hasConfig(".")
}

func hasConfig(dir string) bool {
	return unix.Access(filepath.Join(dir, "config.json"), unix.F_OK) == nil
}

// makeUpID makes an id of the name of a directory.
func makeUpID(bundle string) (string, error) {
	if _, err := os.Stat(bundle); err != nil {
		return "", &diag.Error{Kind: diag.Usage, Problem: "the bundle", Err: err}
	}
	path, err := filepath.Abs(bundle)
	if err != nil {
		return "", &diag.Error{Kind: diag.Host, Problem: "the bundle " + bundle, Err: err}
	}
	name := strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', r == '_', r == '+', r == '.', r == '-':
			return r
		}
		return -1
	}, filepath.Base(path))
	if name = strings.TrimLeft(name, ".-"); name == "" {
		name = "container"
	}
	var random [3]byte
	if _, err := unix.Getrandom(random[:], 0); err != nil {
		return "", diag.Sys("make up an id", "getrandom", err)
	}
	// 255 is the most that the name of a directory may have.
	return name[:min(len(name), 255-7)] + "-" + hex.EncodeToString(random[:]), nil
}
