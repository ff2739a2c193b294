package cli

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rt/internal/diag"
	"rt/internal/sys"
	"rt/libcontainer"
	"rt/spec"
)

func updateCommand() *Command {
	var file string
	var o libcontainer.UpdateOptions
	limits := limitFlags()
	flags := []Flag{{
		Name: "resources", Short: "r", Value: "FILE", To: &file,
		Usage: "JSON file with the limits, instead of options; - is standard input",
	}}
	for i := range limits {
		l := &limits[i]
		flags = append(
			flags,
			Flag{Name: l.name, Value: l.value, Usage: l.usage, Hidden: l.set == nil, To: &l.word},
		)
	}
	flags = append(
		flags,
		Flag{
			Name:  "l3-cache-schema",
			Value: "SCHEMA",
			To:    &o.L3CacheSchema,
			Usage: `part of the L3 cache, such as "L3:0=f" (resctrl); only for a config with linux.intelRdt`,
		},
		Flag{
			Name:  "mem-bw-schema",
			Value: "SCHEMA",
			To:    &o.MemBwSchema,
			Usage: `share of the memory bandwidth, such as "MB:0=50" (resctrl); only for a config with linux.intelRdt`,
		},
	)
	return &Command{
		Name: "update", Args: "<container-id>", Min: 1, Max: 1, Complete: []Candidates{containers},
		Summary: "change the limits of a container",
		Description: []string{
			"Changes the given limits, and leaves the others unchanged. They are options, or members of a JSON " +
				"document like linux.resources of config.json. In the document 0 and \"\" stand for a limit that is " +
				"not given, so this one changes nothing, and shows the members:",
			`{"memory": {"limit": 0, "reservation": 0, "swap": 0}, "cpu": {"shares": 0, "quota": 0, "burst": 0, ` +
				`"period": 0, "realtimeRuntime": 0, "realtimePeriod": 0, ` +
				`"cpus": "", "mems": "", "idle": 0}, "blockIO": {"weight": 0}, "pids": {"limit": 0}}`,
			"A SIZE is a number of bytes, which may end in k, m, g, t or p for the powers of 1024: 512m, 1.5g. -1 " +
				"removes a limit. An invalid value is refused before any limit changes.",
		},
		Flags:  flags,
		Action: func(c *Call) error { return updateLimits(c, file, limits, &o) },
		Examples: []Row{
			{"rt update --memory 512m --pids-limit 100 web1", "Limit web1 to 512 MiB of memory and 100 processes"},
			{"echo '{\"cpu\": {\"shares\": 512}}' | rt update --resources - web1", "Give it half the usual share of " +
				"the processors"},
		},
	}
}

// updateLimits changes the limits that the options or the file give.
func updateLimits(c *Call, file string, limits []limitFlag, o *libcontainer.UpdateOptions) error {
	resources, given, err := givenLimits(c, limits)
	if err != nil {
		return err
	}
	if file != "" && given != "" {
		return &diag.Error{
			Kind:    diag.Usage,
			Field:   "--resources",
			Value:   file,
			Problem: "does not go with --" + given + ": give one or the other",
		}
	}
	if file != "" {
		if resources, err = readResources(file); err != nil {
			return err
		}
	}
	o.Resources = resources
	return c.container().Update(context.Background(), o)
}

// givenLimits returns the limits that the options give, and the name of the last such option.
func givenLimits(c *Call, limits []limitFlag) (resources *specs.LinuxResources, given string, err error) {
	resources = &specs.LinuxResources{}
	for i := range limits {
		switch l := &limits[i]; {
		case l.word == "":
		case l.set == nil:
			c.Warnings = append(c.Warnings, "--"+l.name+" has no effect: the kernel has no limit of "+
				"its own for this memory")
		default:
			if err := l.check(); err != nil {
				return nil, "", err
			}
			l.set(resources, l.word)
			given = l.name
		}
	}
	if err := checkResources(resources); err != nil { // what two limits must have in common
		return nil, "", err
	}
	return resources, given, nil
}

// check returns an error that names the option if its value is none that linux.resources may have.
func (l *limitFlag) check() error {
	var alone specs.LinuxResources
	if !l.set(&alone, l.word) {
		return &diag.Error{Kind: diag.Usage, Field: "--" + l.name, Value: l.word, Problem: l.want}
	}
	err := checkResources(&alone)
	if e, ok := errors.AsType[*diag.Error](err); ok {
		return &diag.Error{Kind: diag.Usage, Field: "--" + l.name, Value: l.word, Problem: e.Problem, Hint: e.Hint}
	}
	return err
}

// checkResources checks limits as those of a config.json.
func checkResources(r *specs.LinuxResources) error {
	raw, err := json.Marshal(r)
	if err != nil {
		return err
	}
	_, err = spec.ParseResources(raw)
	if e, ok := errors.AsType[*diag.Error](err); ok {
		e.Kind, e.Line, e.Column = diag.Usage, 0, 0 // there is no document that the user knows
	}
	return err
}

// readResources reads and checks a JSON document with limits. "-" is standard input.
func readResources(file string) (*specs.LinuxResources, error) {
	var raw []byte
	var err error
	name := file
	if file == "-" {
		name = "standard input"
		raw, err = io.ReadAll(os.Stdin)
	} else {
		raw, err = sys.ReadInput(file)
	}
	if err != nil {
		return nil, &diag.Error{Kind: diag.Usage, Field: "--resources", Value: file, Problem: "can't be read", Err: err}
	}
	resources, err := spec.ParseResources(raw)
	if e, ok := errors.AsType[*diag.Error](err); ok {
		for _, one := range append([]*diag.Error{e}, e.More...) {
			if one.Op = name; one.Field == "document" { // which the name says
				one.Field = ""
			}
		}
	}
	return resources, err
}
