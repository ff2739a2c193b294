package cli

import (
	"encoding/json"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go/features"

	"rt/libcontainer"
	"rt/seccomp"
	"rt/spec"
)

func featuresCommand() *Command {
	return &Command{
		Name: "features", Min: 0, Max: 0,
		Summary: "print what rt can do, as JSON",
		Description: []string{
			"Prints the features document of the OCI runtime specification (features.md): what this rt supports of " +
				"config.json, independent of this machine. rt-doctor(8) examines the machine.",
		},
		Action: printFeatures,
		Examples: []Row{
			{"rt features | jq '.linux.mountExtensions'", "Print the support for id-mapped mounts"},
			{`# rt features | jq -c .linux.mountExtensions
{"idmap":{"enabled":true}}`, ""},
		},
	}
}

func printFeatures(c *Call) error {
	text, err := json.MarshalIndent(document(), "", "    ")
	if err != nil {
		return err
	}
	_, err = c.Stdout.Write(append(text, '\n'))
	return err
}

// document is the features document. The lists are made from the tables that rt itself uses, so that they can't differ.
func document() *features.Features {
	yes := true
	f := &features.Features{
		OCIVersionMin: spec.OldestVersion, OCIVersionMax: spec.NewestVersion,
		Hooks: spec.HookNames(), MountOptions: spec.MountOptions(),
		Linux: &features.Linux{
			Namespaces: spec.NamespaceTypes(), Capabilities: spec.CapabilityNames(),
			Cgroup: &features.Cgroup{V1: &yes, V2: &yes, Systemd: &yes, SystemdUser: &yes, Rdma: &yes},
			Seccomp: &features.Seccomp{
				Enabled: &yes, Actions: seccomp.Actions(), Operators: seccomp.Operators(),
				Archs: seccomp.Architectures(), KnownFlags: seccomp.Flags(),
				SupportedFlags: seccomp.SupportedFlags(),
			},
			Apparmor: &features.Apparmor{Enabled: &yes}, Selinux: &features.Selinux{Enabled: &yes},
			IntelRdt:        &features.IntelRdt{Enabled: &yes, Schemata: &yes, Monitoring: &yes},
			MemoryPolicy:    &features.MemoryPolicy{Modes: spec.MemoryModes(), Flags: spec.MemoryFlags()},
			MountExtensions: &features.MountExtensions{IDMap: &features.IDMap{Enabled: &yes}},
			NetDevices:      &features.NetDevices{Enabled: &yes},
		},
		Annotations:                        map[string]string{"rt.version": version},
		PotentiallyUnsafeConfigAnnotations: libcontainer.UnsafeAnnotations(),
	}
	// runc's name: nerdctl and others ask for it before they checkpoint, and crun gives it too.
	f.Annotations["org.opencontainers.runc.checkpoint.enabled"] = "true"
	// Options that no other runtime has: a caller can ask before it uses them.
	f.Annotations["rt.layers"] = "ephemeral overlay"
	if v, ok := strings.CutPrefix(seccomp.Backend(), "libseccomp "); ok {
		f.Annotations["io.github.seccomp.libseccomp.version"] = v
	}
	if c := builtFrom(); c != "" {
		f.Annotations["rt.commit"] = c
	}
	return f
}
