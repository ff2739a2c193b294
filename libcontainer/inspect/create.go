// Package inspect reads what a plan depends on, apart from config.json: the sources of bind mounts, the root file
// system, the devices and limits of the host, the caller's descriptors and signals, the namespaces of a container.
//
// Each function returns values for plan.Options, or an error about input for which there is no plan. Nothing is
// changed, so after such an error there is nothing to undo. Paths are resolved in rt's mount namespace, before the
// container exists.
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

// Request has the options of a container that config.json does not have.
type Request struct {
	ID           string
	Wait         bool   // the container waits for `rt start`
	NoPivot      bool   // as in libcontainer.CreateOptions
	NoNewKeyring bool   // as in libcontainer.CreateOptions
	PreserveFDs  int    // as in libcontainer.CreateOptions
	ExtraFiles   int    // the number of further descriptors of the process
	Streams      [3]int // the descriptors of the standard streams
	// ServiceManager says that the container gets the descriptors that a service manager has passed to this process.
	ServiceManager bool
	Layer          LayerRequest
	Observe        bool // the calls of the container are recorded, and linux.seccomp is not applied
	Trace          bool // the steps are traced
}

// Create returns the options of the plan that creates a container. The caller adds those that other packages determine:
// the cgroups, Notify, Keyring and SetgroupsDeny. The warnings are about linux.seccomp.
func Create(s *spec.Spec, facts *host.Facts, r *Request) (o *plan.Options, warnings []string, err error) {
	o = &plan.Options{
		ID: r.ID, Wait: r.Wait, NoPivot: r.NoPivot, NoNewKeyring: r.NoNewKeyring, Trace: r.Trace,
		Observe:   r.Observe && s.Process != nil,
		Kcore:     unix.Access("/proc/kcore", unix.F_OK) == nil,
		OpenFiles: openFilesLimit(),
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
	// A layer of an earlier container may have other directories than root.path.
	if o.Modes, o.ModesLater, err = readModes(s, o.Layer != nil && o.Layer.Dir != ""); err != nil {
		return nil, nil, err
	}
	o.Nodes = readNodes(s)
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
