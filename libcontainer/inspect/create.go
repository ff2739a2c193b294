// Package inspect reads what a plan depends on and config.json does not say: the sources of bind mounts, the root file
// system, the devices and limits of the host, the caller's descriptors and signals, the namespaces of a container.
//
// Each function returns what it has read, in the form that plan.Options takes, or an error about input that no plan can
// be made of. Nothing is changed, so an error at this stage leaves the host as it was. Paths are resolved as rt sees
// them, before the container exists.
package inspect

import (
	"runtime"

	"golang.org/x/sys/unix"

	"rt/libcontainer/foreground"
	"rt/libcontainer/host"
	"rt/libcontainer/plan"
	"rt/seccomp"
	"rt/spec"
)

// Request is what the caller wants of a container beyond config.json.
type Request struct {
	ID           string
	Wait         bool // for `rt start`
	NoPivot      bool
	NoNewKeyring bool
	PreserveFDs  int // descriptors from 3 on
	ExtraFiles   int // how many more descriptors the process gets
	Streams      [3]int
	// ServiceManager says that the descriptors which a service manager has passed to this process are for the
	// container.
	ServiceManager bool
	Layer          LayerRequest
	Observe        bool // the calls of the container are recorded, and linux.seccomp is not applied
	Trace          bool
}

// Create returns the options of the plan that creates a container. The caller adds what belongs to other packages:
// the cgroups, Notify, Keyring and SetgroupsDeny. The warnings are about linux.seccomp.
func Create(s *spec.Spec, facts *host.Facts, r *Request) (o *plan.Options, warnings []string, err error) {
	o = &plan.Options{
		ID: r.ID, Wait: r.Wait, NoPivot: r.NoPivot, NoNewKeyring: r.NoNewKeyring, Trace: r.Trace,
		Observe:   r.Observe && s.Process != nil,
		Kcore:     unix.Access("/proc/kcore", unix.F_OK) == nil,
		OpenFiles: openFiles(),
	}
	o.IgnoredSignals, o.BlockedSignals = foreground.Inherited()
	var listen listenFDs
	if r.ServiceManager {
		if listen, err = readListenFDs(); err != nil {
			return nil, nil, err
		}
	}
	o.PreserveFDs, o.Env = r.PreserveFDs+listen.count, listen.env
	if err := CheckPreserved(o.PreserveFDs); err != nil {
		return nil, nil, err
	}
	o.PreserveFDs += r.ExtraFiles
	if err := checkPidNamespace(s); err != nil {
		return nil, nil, err
	}
	if err := checkRootfs(s); err != nil {
		return nil, nil, err
	}
	if o.Layer, err = findLayer(s.Rootfs, &r.Layer); err != nil {
		return nil, nil, err
	}
	if r.NoPivot {
		if o.KernelMounts, err = findKernelMounts(); err != nil {
			return nil, nil, err
		}
	}
	if plan.RootMountNeeded(s) {
		if o.RootMount, err = findRootMount(s.Rootfs); err != nil {
			return nil, nil, err
		}
	}
	sources, err := readSources(s, facts)
	if err != nil {
		return nil, nil, err
	}
	o.Sources, o.Links, o.SourceFlags = sources.kinds, sources.links, sources.flags
	// With a layer of an earlier container, directories of root.path say nothing about those of the container.
	if o.Modes, o.ModesLater, err = readModes(s, o.Layer != nil && o.Layer.Dir != ""); err != nil {
		return nil, nil, err
	}
	o.NotOnHost = missingDevices(s)
	if s.Process == nil {
		return o, nil, nil
	}
	if !o.Observe {
		if o.Filter, warnings, err = Filter(s); err != nil {
			return nil, nil, err
		}
	}
	o.HardLimits, o.ChownStdio = HardLimits(s.Process), OwnedStreams(s.Process, r.Streams)
	return o, warnings, nil
}

// Filter compiles linux.seccomp for this machine; nil without a profile.
func Filter(s *spec.Spec) (*seccomp.Filter, []string, error) {
	l := s.OCI.Linux
	if l == nil || l.Seccomp == nil {
		return nil, nil, nil
	}
	return seccomp.Compile(l.Seccomp, runtime.GOARCH)
}
