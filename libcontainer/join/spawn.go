package join

import (
	"runtime"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/libcontainer/rdt"
	"rt/nsenter"
	"rt/spec"
)

// spawn starts the first boot process.
func (p *Process) spawn(image nsenter.Image, files []int) (*nsenter.Boot, error) {
	boot, err := p.spawnBound(image, files)
	if err != nil && p.plan.IntoCgroup {
		err = p.placement.Explain(err)
	}
	return boot, err
}

// spawnBound starts the first boot process, if possible in the container's cgroup, on the CPUs of
// process.execCPUAffinity.initial. The affinity is set before the clone, because inside the container's cpuset it can't
// name other CPUs.
func (p *Process) spawnBound(image nsenter.Image, files []int) (*nsenter.Boot, error) {
	o := nsenter.SpawnOptions{
		Argv: []string{"rt-exec", p.c.State.ID}, Files: p.o.Streams.Files(files), CgroupFD: -1,
		Dir: p.c.Dir.Path("."),
	}
	if p.plan.IntoCgroup {
		o.CgroupFD = p.placement.Dir
	}
	a := p.o.Process.OCI.ExecCPUAffinity
	l := p.spec.OCI.Linux
	if (a == nil || a.Initial == "") && (l == nil || l.IntelRdt == nil) {
		return nsenter.Spawn(image, &o)
	}
	if l != nil && l.IntelRdt != nil {
		return p.spawnInClass(image, &o)
	}
	return p.spawnOn(a.Initial, image, &o)
}

// spawnInClass starts the first boot process in the class of linux.intelRdt. A child gets the class of the thread that
// clones it. This thread ends with its goroutine, so that the caller's threads stay in their class.
func (p *Process) spawnInClass(image nsenter.Image, o *nsenter.SpawnOptions) (boot *nsenter.Boot, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // without an unlock the thread ends with the goroutine
		if err = p.enterRdt(); err != nil {
			return
		}
		if a := p.o.Process.OCI.ExecCPUAffinity; a != nil && a.Initial != "" {
			boot, err = p.spawnOn(a.Initial, image, o)
		} else {
			boot, err = nsenter.Spawn(image, o)
		}
	}()
	<-done
	return boot, err
}

// spawnOn starts the first boot process on the CPUs of a list: a child gets the affinity of the thread that clones it
// (sched_setaffinity(2)).
func (p *Process) spawnOn(cpus string, image nsenter.Image, o *nsenter.SpawnOptions) (*nsenter.Boot, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	before := unix.NewCPUSet(maxCPUs)
	err := unix.SchedGetaffinityDynamic(0, before)
	if err == nil {
		err = unix.SchedSetaffinityDynamic(0, parseCPUs(cpus))
	}
	if err != nil {
		const field = "process.execCPUAffinity.initial"
		e := diag.Sys("the process can't run on these CPUs", "sched_setaffinity", err).At(field, cpus)
		return nil, e.WithHint(diag.Hint(e.Call, e.Errno, field))
	}
	defer func() { _ = unix.SchedSetaffinityDynamic(0, before) }()
	return nsenter.Spawn(image, o)
}

// maxCPUs is the maximum of NR_CPUS of the kernel. A kernel with shorter masks ignores the rest.
const maxCPUs = 8192

// parseCPUs parses a list of CPUs such as "0-3,7", which package spec has checked. It ignores CPUs that no kernel
// supports, as the kernel ignores CPUs that it does not have.
func parseCPUs(list string) unix.CPUSetDynamic {
	set := unix.NewCPUSet(maxCPUs)
	for n := range spec.Numbers(list) {
		set.Set(n)
	}
	return set
}

// enterRdt moves this thread, which must be locked, to the container's class of resctrl, which its children inherit.
func (p *Process) enterRdt() error {
	l := p.spec.OCI.Linux
	if l == nil || l.IntelRdt == nil {
		return nil
	}
	root, err := p.o.Resctrl()
	if err != nil {
		return err
	}
	return rdt.Load(root, p.c.State.ID, l.IntelRdt).Join(unix.Gettid())
}
