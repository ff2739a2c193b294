// Package checkpoint dumps a running container to a directory of image files, and restores containers from them. CRIU
// dumps and restores the processes (package criu); this package decides what to request, and checks the result.
//
// It runs in rt only, for the commands checkpoint and restore. Its caller opens or creates the container, its cgroup
// and its state. The names in the images are those of runc: each runtime can restore the checkpoints of the other.
package checkpoint

import (
	"os"
	"path"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/libcontainer/cgroup"
	"rt/libcontainer/criu"
	"rt/libcontainer/foreground"
	"rt/libcontainer/mounttable"
	"rt/libcontainer/state"
	"rt/spec"
)

// Options are the options of checkpoint.
type Options struct {
	ImageOptions
	ParentPath   string // the images of a pre-dump, relative to ImagePath
	LeaveRunning bool   // the container continues
	PreDump      bool   // dump only memory, without what is unchanged since ParentPath; the container continues
	PageServer   string // "ADDRESS:PORT" of a CRIU page server, which receives the memory
	StatusFD     int    // a descriptor that gets a NUL byte when LazyPages can be fetched; -1 for none
	// Progress is called about ten times a second, and at the end; it may be nil.
	Progress func(Progress)
}

// Target is the container to dump. Its directory is locked.
type Target struct {
	Spec   *spec.Spec
	Dir    *state.Container
	State  *state.State
	Status state.Status
	Cgroup *cgroup.Group
	Log    Log
	CRIU   string // the path of criu; "" searches it in PATH
}

// Log receives messages for the user. Neither function is nil.
type Log struct {
	Debug func(line string)     // each action
	Warn  func(lines ...string) // shown if the command succeeds
}

// dump is one dump of a container.
type dump struct {
	*Target
	o       *Options
	program string // the path of criu
	images  images
	request criu.Options
}

// Save dumps the processes of a container to images. CRIU kills them afterwards, except with LeaveRunning or PreDump.
// After an error they continue.
func Save(t *Target, o *Options) error {
	d := &dump{Target: t, o: o, images: images{dir: -1, work: -1}}
	defer d.images.close()
	if err := d.prepare(); err != nil {
		return err
	}
	return d.save()
}

// prepare fills the request to CRIU. It checks all options before anything is changed.
func (d *dump) prepare() (err error) {
	if err := d.check(); err != nil {
		return err
	}
	if d.program, err = findCRIU(d.CRIU); err != nil {
		return err
	}
	d.request = criu.Options{
		LogFile: "dump.log", Root: d.Spec.Rootfs, Pid: d.State.Pid, NotifyScripts: true, OrphanPtsMaster: true,
		LeaveRunning: d.o.LeaveRunning, ConfigFile: configFile(d.Spec),
	}
	if err := d.o.fill(&d.request); err != nil {
		return err
	}
	if !d.Cgroup.Available() {
		d.request.Cgroups = criu.CgroupIgnore
	}
	d.request.FreezeCgroup = d.Cgroup.Freezer()
	if d.request.PageServer, err = parsePageServer(d.o.PageServer, d.o.LazyPages); err != nil {
		return err
	}
	if err := d.trackMemory(); err != nil {
		return err
	}
	if d.images, err = openImages(&d.o.ImageOptions, d.Dir, true); err != nil {
		return err
	}
	d.request.ImagesDir, d.request.WorkDir = d.images.dir, d.images.work
	if err := d.setParent(); err != nil {
		return err
	}
	return d.addExternal()
}

// check returns an error if the options or the container do not allow the dump, or a restore of it.
func (d *dump) check() error {
	if d.o.StatusFD >= 0 {
		if _, err := unix.FcntlInt(uintptr(d.o.StatusFD), unix.F_GETFD, 0); err != nil {
			return &diag.Error{
				Kind: diag.Usage, Field: "--status-fd", Value: strconv.Itoa(d.o.StatusFD),
				Problem: "is not open: the caller of rt must pass it",
			}
		}
	}
	if n := len(d.State.Added); n > 0 && !d.o.PreDump {
		return &diag.Error{
			Kind: diag.State,
			Problem: "the container can't be checkpointed: it has mounts that rt mount has added, and a restore " +
				"creates only those of its config",
			Hint: "`rt umount " + d.State.ID + " " + d.State.Added[n-1].Destination + "` removes the last one",
		}
	}
	for i := range d.Spec.Mounts {
		if m := &d.Spec.Mounts[i]; m.IDMap && m.Bind && !d.o.PreDump {
			return &diag.Error{
				Kind: diag.State, Field: m.Field("options"),
				Problem: "the container can't be checkpointed: CRIU does not map the ids of " + m.Destination +
					" again",
			}
		}
	}
	// The config, from which a restore creates the container, does not name the layer.
	if d.hasLayer() && !d.o.LeaveRunning && !d.o.PreDump {
		return &diag.Error{
			Kind: diag.State,
			Problem: "the container can't be checkpointed: its root file system is not root.path any more, " +
				"but a layer over it, which would end with the container",
			Hint: "--ephemeral and --overlay do not go with checkpoint; " +
				"with --leave-running the images are made all the same",
		}
	}
	return nil
}

// hasLayer reports whether the root of the container is a layer over root.path (--ephemeral, --overlay). It returns
// false if that is unknown.
func (d *dump) hasLayer() bool {
	if !d.Spec.Namespaces.Has(unix.CLONE_NEWNS) {
		return false
	}
	its, err := mounttable.StatNoSync(unix.AT_FDCWD, "/proc/"+strconv.Itoa(d.State.Pid)+"/root", 0)
	if err != nil {
		return false
	}
	config, err := mounttable.StatNoSync(unix.AT_FDCWD, d.Spec.Rootfs, 0)
	return err == nil &&
		(its.Dev_major != config.Dev_major || its.Dev_minor != config.Dev_minor || its.Ino != config.Ino)
}

// trackMemory enables the tracking of memory changes for a pre-dump, and for a dump that has a parent.
func (d *dump) trackMemory() error {
	if !d.o.PreDump && d.o.ParentPath == "" && !d.o.LazyPages {
		return nil
	}
	d.request.TrackMemory = d.o.PreDump || d.o.ParentPath != ""
	features := criu.Features{MemoryTracking: d.o.PreDump, LazyPages: d.o.LazyPages}
	return checkFeatures(d.program, features)
}

// setParent checks --parent-path. CRIU creates a symbolic link to it in the images, which must lead to the parent even
// when the images are moved.
func (d *dump) setParent() error {
	p := d.o.ParentPath
	if p == "" {
		return nil
	}
	if path.IsAbs(p) {
		return &diag.Error{
			Kind: diag.Usage, Field: "--parent-path", Value: p,
			Problem: "must be relative to --image-path, such as ../pre1: both may be moved together",
		}
	}
	fd, err := unix.Openat(d.images.dir, p, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		e := diag.Sys("is not a directory, relative to --image-path", "openat", err)
		e.Kind = diag.Usage
		return e.At("--parent-path", p)
	}
	_ = unix.Close(fd)
	d.request.Parent = p
	return nil
}

// addExternal adds the mounts and namespaces of the host to the request: CRIU does not save them, and the restore
// provides them again.
func (d *dump) addExternal() error {
	if d.o.PreDump {
		return nil // a pre-dump has only memory
	}
	mounts, err := externalMounts(d.Spec, d.Cgroup.Hierarchies(), d.Dir).attached(d.State.Pid)
	if err != nil {
		return err
	}
	for _, m := range mounts {
		d.request.External = append(d.request.External, "mnt["+m.destination+"]:"+m.label)
	}
	for _, n := range externalNamespaces {
		if d.Spec.Namespaces.Joined(n.flag) == nil {
			continue
		}
		var st unix.Stat_t
		if err := unix.Stat("/proc/"+strconv.Itoa(d.State.Pid)+"/ns/"+n.kind, &st); err != nil {
			return diag.Sys("the namespaces of the container can't be read", "stat", err)
		}
		d.request.External = append(d.request.External, n.kind+"["+strconv.FormatUint(st.Ino, 10)+"]:"+n.label)
	}
	return nil
}

// save sends the request to CRIU, and waits for the result.
func (d *dump) save() error {
	kind := criu.PreDump
	if !d.o.PreDump {
		kind = criu.Dump
		open, err := d.openDescriptors()
		if err != nil {
			return err
		}
		d.request.External = append(d.request.External, open.externalKeys()...)
		d.warnOfExec()
		if err := d.images.saveDescriptors(open); err != nil {
			return err
		}
	}
	p, err := criu.Start(d.program, &criu.StartOptions{Env: os.Environ()})
	if err != nil {
		return err
	}
	d.Log.Debug("started criu " + strconv.Itoa(p.Pid))
	p.Grace, p.Interrupted = grace, func() error {
		d.reportProgress(false)
		return interrupted()
	}
	response, err := p.Do(kind, &d.request, d.serveNotification)
	if err == nil && response.Success {
		d.reportProgress(true)
		return nil
	}
	d.thaw()
	return d.images.explain("the container could not be checkpointed", &response, err)
}

// grace is how long CRIU may take to abort a dump after a signal, and to let the container continue.
const grace = 10 * time.Second

// interrupted returns an error if rt got a signal that ends it.
func interrupted() error {
	if foreground.TakeEnd() {
		return &diag.Error{Kind: diag.Host, Problem: "rt got a signal to end before the container was checkpointed"}
	}
	return nil
}

// warnOfExec warns of processes in the container's cgroup that rt exec has started. CRIU saves only the init and its
// descendants.
func (d *dump) warnOfExec() {
	pids, err := d.Cgroup.Pids()
	if err != nil {
		return
	}
	n := 0
	for _, pid := range pids {
		if !descends(pid, d.State.Pid) {
			n++
		}
	}
	if n > 0 {
		d.Log.Warn(strconv.Itoa(n) +
			" process(es) that `rt exec` has started, or their children, are not in the images: " +
			"CRIU saves only what descends from the container's own process")
	}
}

// descends reports whether a process is another one or a descendant of it. It returns true for a process that has ended
// meanwhile.
func descends(pid, ancestor int) bool {
	for range 1000 {
		if pid == ancestor {
			return true
		}
		parent, err := state.Parent(pid)
		if err != nil {
			return true
		}
		if pid = parent; pid <= 1 {
			return false
		}
	}
	return false
}

// thaw thaws a running container, which stays frozen if CRIU was killed.
func (d *dump) thaw() {
	if d.Status != state.Running || !d.Cgroup.Available() {
		return
	}
	if frozen, err := d.Cgroup.Frozen(); err == nil && frozen {
		if err := d.Cgroup.Thaw(); err != nil {
			d.Log.Warn(err.Error())
		}
	}
}

// serveNotification handles a notification of CRIU. Those about the network need no action: CRIU itself locks it.
func (d *dump) serveNotification(script string, _, fd int) error {
	d.Log.Debug("criu: " + script)
	if fd >= 0 {
		_ = unix.Close(fd)
	}
	if script == "status-ready" && d.o.StatusFD >= 0 {
		if _, err := unix.Write(d.o.StatusFD, []byte{0}); err != nil {
			return diag.Sys("the descriptor can't be written to", "write", err).At("--status-fd", "")
		}
		_ = unix.Close(d.o.StatusFD)
		d.o.StatusFD = -1
	}
	return nil
}
