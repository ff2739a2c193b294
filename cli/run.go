package cli

import (
	"context"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/internal/populate"
	"rt/internal/sys"
	"rt/libcontainer"
)

func runCommand() *Command {
	var o libcontainer.RunOptions
	var trace, record string
	return &Command{
		Name: "run", Args: "<container-id> | <bundle>", Min: 1, Max: 1, Complete: []Candidates{directories},
		Summary: "create a container and run its program",
		Description: []string{
			"Creates and starts a container, waits until the program ends, deletes the container and exits with the " +
				"program's status. Meanwhile rt forwards signals and changes of the terminal's size to the program. " +
				"With --detach it returns as soon as the program runs.",
			"With --seccomp-record rt intercepts and records every system call of the container, which slows it " +
				"down. The profile allows only the recorded calls, so exercise all functions of the program. If the " +
				"file has a recorded profile, the new one allows its calls too, so several runs make one profile. " +
				"Any other file is not replaced. The first entry of the profile has the calls that rt itself makes " +
				"before the program, which must remain; the second has the others. Processes of rt-exec(8) are not " +
				"recorded.",
			layerText,
			bundleText, idText,
			"The argument may be a bundle instead of an ID: a path with a slash, or a directory with a config.json " +
				"if the working directory has none. The ID is then the directory's name and a few random digits; " +
				"--detach prints it.",
		},
		Flags: append(createFlags(&o.CreateOptions),
			Flag{Name: "detach", Short: "d", To: &o.Detach, Usage: "return as soon as the program runs"},
			Flag{Name: "keep", To: &o.Keep, Usage: "do not delete the container when its program ends"},
			Flag{Name: "no-subreaper", To: &o.NoSubreaper, Usage: "do not become a subreaper (prctl(2)) for a " +
				"container without its own pid namespace"},
			Flag{
				Name: "seccomp-record", Value: "FILE", To: &record,
				Usage: "run without linux.seccomp, and write a profile that allows only the system calls that were " +
					"made",
			},
			traceFlag(&trace),
		),
		Action: func(c *Call) error {
			populate.Compilation()
			return recorded(c, record, &o.Recorder, func() error { return run(c, &o, trace) })
		},
		Examples: []Row{
			{"rt run --bundle /srv/web web1", "Run the bundle in /srv/web as the container web1"},
			{"rt run ./web", "Run the bundle in the directory web, with a generated ID"},
			{"rt run --ephemeral ./web", "Run it without changes to web"},
			{"rt run --overlay changes ./web", "Store the changes in changes/upper, for the next run too"},
			{"rt run --seccomp-record web.json --bundle /srv/web web1", "Record the system calls that the program " +
				"needs; rt-seccomp(8) explains the profile"},
			{"rt run --trace web1.json --bundle /srv/web web1", "Trace each step, for https://ui.perfetto.dev"},
		},
		Exit: []Row{
			{"the program's", "the program has exited"},
			{"128 + n", "signal n has killed the program"},
		},
		Files: []Row{stateFile},
	}
}

func run(c *Call, o *libcontainer.RunOptions, trace string) error {
	id, generated := c.Args[0], false
	if o.Bundle == "" && isBundle(id) {
		o.Bundle, generated = id, true
		var err error
		if id, err = generateID(o.Bundle); err != nil {
			return err
		}
	}
	err := traced(c, trace, "rt run "+id, &o.Trace, func() error {
		allowRelay(o.Detach)
		o.Stdin, o.Stdout, o.Stderr = os.Stdin, os.Stdout, os.Stderr
		return c.take(c.Runtime.Run(context.Background(), id, o))
	})
	if err == nil && generated && o.Detach {
		_, err = c.Stdout.Write([]byte(id + "\n"))
	}
	return err
}

// isBundle reports whether the argument of run is a bundle. No ID has a slash, or is ".". A word that could be an ID is
// a bundle only if runc would fail: runc needs a config.json in the working directory.
func isBundle(arg string) bool {
	if strings.Contains(arg, "/") || arg == "." || arg == ".." {
		return true
	}
	return hasConfig(arg) && !hasConfig(".")
}

func hasConfig(dir string) bool {
	return unix.Access(filepath.Join(dir, "config.json"), unix.F_OK) == nil
}

// generateID makes an ID from the name of a directory.
func generateID(bundle string) (string, error) {
	if info, err := os.Stat(bundle); err != nil || !info.IsDir() {
		return "", &diag.Error{
			Kind: diag.Usage, Field: "bundle", Value: bundle, Problem: "is not a directory with a " +
				"config.json", Err: err,
			Hint: "an ID has no slash; `rt spec` writes a config.json",
		}
	}
	path, err := filepath.Abs(bundle)
	if err != nil {
		return "", &diag.Error{Kind: diag.Host, Problem: "the bundle " + bundle + " can't be found", Err: err}
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
	if err := sys.ReadRandom(random[:]); err != nil {
		return "", diag.Sys("a container ID can't be generated", "getrandom", err)
	}
	// 255 is NAME_MAX, the greatest length of a directory's name.
	return name[:min(len(name), 255-7)] + "-" + hex.EncodeToString(random[:]), nil
}
