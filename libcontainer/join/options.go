package join

import (
	"slices"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"rt/internal/diag"
	"rt/internal/sys"
	"rt/spec"
)

// ProcessOptions describe the process that exec starts: the one of a process.json, or the container's own with other
// arguments. The other fields change it.
type ProcessOptions struct {
	File           string   // a process.json with the properties of config.md, "Process"; "" if Args describes it
	Args           []string // the program and its arguments
	Cwd            string   // its working directory; "" is that of the container's process
	Env            []string // further variables: "KEY=value"
	Terminal       bool     // it gets a terminal
	UID, GID       *uint32  // in the container; nil is that of the container's process
	UserName       string   // a name from the container's /etc/passwd, instead of UID
	GroupName      string   // a name from the container's /etc/group, instead of GID
	AdditionalGids []uint32 // further supplementary groups
	Label          string   // the SELinux label
	AppArmor       string   // the AppArmor profile
	NoNewPrivs     *bool    // process.noNewPrivileges; nil is that of the container's process
	Capabilities   uint64   // further capabilities: bit n is capability n
}

// Process returns the process that the options describe, in a container with this config.
func (o *ProcessOptions) Process(config *spec.Spec) (*spec.Process, error) {
	if o.File != "" {
		return o.fromFile(config.Process)
	}
	base := &specs.Process{Cwd: "/"}
	if config.Process != nil {
		base = config.Process.OCI
	}
	oci := *base
	oci.Terminal = false
	oci.Args = o.Args
	return o.change(&oci)
}

// fromFile reads a process.json. Limits, privileges and labels that it omits are those of the container's config, so
// that an omission does not give more privileges than the container has. runc does the same.
func (o *ProcessOptions) fromFile(config *spec.Process) (*spec.Process, error) {
	raw, err := sys.ReadInput(o.File)
	if err != nil {
		e := diag.Sys("can't be read", "open", err).At("--process", o.File)
		e.Kind = diag.Document
		return nil, e
	}
	return o.fromDocument(raw, config)
}

// fromDocument is fromFile for the text of a process.json.
func (o *ProcessOptions) fromDocument(raw []byte, config *spec.Process) (*spec.Process, error) {
	p, err := spec.LoadProcess(raw)
	if err != nil {
		return nil, err
	}
	oci := *p.OCI
	if config != nil {
		inherit(&oci, config.OCI)
	}
	if len(o.Args) > 0 {
		oci.Args = o.Args
	}
	return o.change(&oci)
}

// inherit sets properties that a process omits to those of the container's process.
func inherit(p, config *specs.Process) {
	if p.Capabilities == nil {
		p.Capabilities = config.Capabilities
	}
	if len(p.Rlimits) == 0 {
		p.Rlimits = config.Rlimits
	}
	if p.ApparmorProfile == "" {
		p.ApparmorProfile = config.ApparmorProfile
	}
	if p.SelinuxLabel == "" {
		p.SelinuxLabel = config.SelinuxLabel
	}
	if p.OOMScoreAdj == nil {
		p.OOMScoreAdj = config.OOMScoreAdj
	}
	if p.Scheduler == nil {
		p.Scheduler = config.Scheduler
	}
	if p.IOPriority == nil {
		p.IOPriority = config.IOPriority
	}
	if p.ExecCPUAffinity == nil {
		p.ExecCPUAffinity = config.ExecCPUAffinity
	}
	if p.User.Umask == nil {
		p.User.Umask = config.User.Umask
	}
}

// change applies the options to p, and checks the result. It does not change what p points to.
func (o *ProcessOptions) change(p *specs.Process) (*spec.Process, error) {
	if o.Cwd != "" {
		p.Cwd = o.Cwd
	}
	p.Env = append(slices.Clip(p.Env), o.Env...)
	p.Terminal = p.Terminal || o.Terminal
	if o.UID != nil {
		p.User.UID = *o.UID
	}
	if o.GID != nil {
		p.User.GID = *o.GID
	}
	p.User.AdditionalGids = append(slices.Clip(p.User.AdditionalGids), o.AdditionalGids...)
	if o.Label != "" {
		p.SelinuxLabel = o.Label
	}
	if o.AppArmor != "" {
		p.ApparmorProfile = o.AppArmor
	}
	if o.NoNewPrivs != nil {
		p.NoNewPrivileges = *o.NoNewPrivs
	}
	checked, err := spec.CheckProcess(p, "process")
	if err != nil {
		return nil, err
	}
	checked.Capabilities = o.addCapabilities(checked.Capabilities)
	return checked, nil
}

// addCapabilities adds those of --cap. They never become inheritable: a program with file capabilities could gain them
// (CVE-2022-29162). Those that are inheritable already become ambient too, as in runc, so that the change to another
// user preserves them.
func (o *ProcessOptions) addCapabilities(have *spec.Capabilities) *spec.Capabilities {
	if o.Capabilities == 0 {
		return have
	}
	var caps spec.Capabilities
	if have != nil {
		caps = *have
	}
	caps.Bounding |= o.Capabilities
	caps.Effective |= o.Capabilities
	caps.Permitted |= o.Capabilities
	caps.Ambient |= o.Capabilities & caps.Inheritable
	return &caps
}
