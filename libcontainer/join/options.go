package join

import (
	"slices"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"rt/internal/diag"
	"rt/internal/sys"
	"rt/spec"
)

// ProcessOptions say which process exec starts: that of a file, or the container's own with other arguments; and what
// is to be different in it.
type ProcessOptions struct {
	File           string   // a process.json, as config.md#process describes it; "" for Args
	Args           []string // the program and its arguments
	Cwd            string
	Env            []string // further variables
	Terminal       bool
	UID, GID       *uint32
	UserName       string   // instead of UID: a name that the container's /etc/passwd has
	GroupName      string   // instead of GID: one that its /etc/group has
	AdditionalGids []uint32 // further groups
	Label          string   // the SELinux label
	AppArmor       string
	NoNewPrivs     *bool
	Capabilities   uint64 // further ones: bit n is capability n
}

// Process makes the process out of the options and the config of the container.
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

// fromFile reads a process.json. What it does not say of limits, rights and labels is as in the container's config, so
// that leaving something out gives nobody more than the container has; runc does the same.
func (o *ProcessOptions) fromFile(config *spec.Process) (*spec.Process, error) {
	raw, err := sys.ReadInput(o.File)
	if err != nil {
		e := diag.Sys("can't be read", "open", err).At("--process", o.File)
		e.Kind = diag.Document
		return nil, e
	}
	return o.fromDocument(raw, config)
}

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

// inherit fills in what a process does not say of itself.
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

// change makes the changes that the options ask for, and checks the outcome. p is the caller's own, what it points to
// is not.
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

// addCapabilities adds those of --cap. They never become inheritable: a program with file capabilities could pick them
// up then (CVE-2022-29162). What is inheritable anyway becomes ambient too, as in runc, and so outlives the change to
// another user.
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
