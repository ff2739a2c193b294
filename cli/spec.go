package cli

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"rt/internal/diag"
	"rt/libcontainer"
	"rt/spec"
)

func specCommand() *Command {
	bundle, rootless, schema := ".", false, false
	return &Command{
		Name: "spec", Min: 0, Max: 0,
		Summary: "write a config.json to start from",
		Description: []string{
			"Writes a config.json for a shell in its own namespaces, with a read-only root and few capabilities. " +
				"Edit it: process.args is the program, root.path the root file system. An existing config.json is " +
				"not overwritten.",
			"The OCI runtime specification describes config.json: https://github.com/opencontainers/runtime-spec.",
		},
		Flags: []Flag{
			{Name: "bundle", Short: "b", Value: "DIR", To: &bundle, Usage: "the directory to write to (default: the " +
				"working directory)"},
			{Name: "rootless", To: &rootless, Usage: "write a config that an ordinary user can run, with a user " +
				"namespace"},
			{Name: "schema", To: &schema, Usage: "print a JSON schema of the config.json that rt accepts, and write " +
				"nothing"},
		},
		Action: func(c *Call) error {
			if schema {
				return writeSchema(c)
			}
			return writeSpec(bundle, rootless)
		},
		Examples: []Row{
			{"mkdir -p web/rootfs && rt spec --bundle web", "Start a bundle in the directory web"},
			{"rt spec --rootless", "Start a bundle in the working directory, for an ordinary user"},
			{"rt spec --schema >web/schema.json", "Have editors complete and check web/config.json, once that has " +
				"\"$schema\": \"./schema.json\""},
		},
		Files: []Row{{"config.json", "the written config"}},
	}
}

// writeSpec writes the default config into a directory.
func writeSpec(bundle string, rootless bool) error {
	file := filepath.Join(bundle, "config.json")
	//nolint:forbidigo // the bundle is the caller's, there is no container yet
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if errors.Is(err, fs.ErrExist) {
		return &diag.Error{Kind: diag.Usage, Problem: "file " + file + " exists", Hint: "it is not overwritten: " +
			"remove it first, or choose another directory with --bundle"}
	}
	if err != nil {
		return &diag.Error{Kind: diag.Host, Problem: "the config can't be written", Err: err}
	}
	o := spec.DefaultOptions{
		Rootless: rootless, UID: uint32(os.Geteuid()), GID: uint32(os.Getegid()),
		CgroupNamespace: libcontainer.HasCgroup2(),
	}
	err = spec.Write(f, spec.Default(o))
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		_ = os.Remove(file)
		return &diag.Error{Kind: diag.Host, Problem: file + " can't be written", Err: err}
	}
	return nil
}
