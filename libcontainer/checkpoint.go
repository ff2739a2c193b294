package libcontainer

import (
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/libcontainer/cgroup"
	"rt/libcontainer/criu"
	"rt/libcontainer/process"
	"rt/libcontainer/state"
	"rt/spec"
)

// ImageOptions are what checkpoint and restore have in common.
type ImageOptions struct {
	ImagePath       string // "" is DefaultImages in the working directory
	WorkPath        string // where CRIU's log goes; "" is a directory of the container's state
	TCPEstablished  bool
	TCPSkipInFlight bool
	ExtUnixSockets  bool
	ShellJob        bool
	FileLocks       bool
	LinkRemap       bool
	LazyPages       bool
	AutoDedup       bool
	ManageCgroups   string   // "soft", "full", "strict", "ignore"; "" is soft
	EmptyNS         []string // the namespaces that are left empty: "network"
}

// CheckpointOptions are the options of checkpoint.
type CheckpointOptions struct {
	ImageOptions
	ParentPath   string // the images of a pre-dump, relative to ImagePath
	LeaveRunning bool
	PreDump      bool   // save memory only, and what has changed of it since the images at ParentPath
	PageServer   string // "ADDRESS:PORT", which memory goes to
	StatusFD     int    // gets a byte when LazyPages are there to be fetched; below 0 is none
}

// DefaultImages is where images are without --image-path.
const DefaultImages = "checkpoint"

// checkpointer saves one container.
type checkpointer struct {
	*opened
	r       *Runtime
	o       *CheckpointOptions
	spec    *spec.Spec
	group   *cgroup.Group
	program string // criu
	images  images
	request criu.Options
}

// Checkpoint saves the processes of a container to files, which Restore makes a container of again. Afterwards there is
// no container, unless the options want it to go on; after an error it goes on in any case.
func (r *Runtime) Checkpoint(id string, o *CheckpointOptions) error {
	opened, err := r.openFor(state.Checkpoint, id, true)
	if err != nil {
		return err
	}
	defer opened.close()
	c := &checkpointer{opened: opened, r: r, o: o}
	defer c.images.close()
	if err := c.prepare(); err != nil {
		return err
	}
	if err := c.save(); err != nil {
		return err
	}
	if o.LeaveRunning || o.PreDump {
		return nil
	}
	// CRIU has killed all of it. What is left goes the way of other runtimes: they too leave nothing but the images.
	if pidfd := process.Open(c.state.Pid, c.state.StartTime); pidfd >= 0 {
		process.AwaitEnd(pidfd, process.Patience)
		_ = unix.Close(pidfd)
	}
	return r.destroy(c.container, c.state)
}

// prepare makes the request to CRIU. All that can be refused is refused here, before anything is touched.
func (c *checkpointer) prepare() (err error) {
	if c.spec, err = loadCopy(c.container, c.state); err != nil {
		return err
	}
	if err := c.possible(); err != nil {
		return err
	}
	if c.group, err = cgroup.Load(cgroup.Saved(c.state.Cgroup)); err != nil {
		return err
	}
	if c.program, err = findCRIU(); err != nil {
		return err
	}
	c.request = criu.Options{
		LogFile: "dump.log", Root: c.spec.Rootfs, Pid: c.state.Pid, NotifyScripts: true, OrphanPtsMaster: true,
		LeaveRunning: c.o.LeaveRunning, ConfigFile: configFile(c.spec),
	}
	if err := c.o.fill(&c.request); err != nil {
		return err
	}
	if !c.group.Available() {
		c.request.Cgroups = criu.CgroupIgnore
	}
	c.request.FreezeCgroup = c.group.Freezer()
	if c.request.PageServer, err = pageServer(c.o.PageServer, c.o.LazyPages); err != nil {
		return err
	}
	if err := c.track(); err != nil {
		return err
	}
	c.images, err = openImages(&c.o.ImageOptions, c.container, true)
	if err != nil {
		return err
	}
	c.request.ImagesDir, c.request.WorkDir = c.images.dir, c.images.work
	if err := c.parent(); err != nil {
		return err
	}
	return c.outside()
}

// possible refuses what can't be brought back.
func (c *checkpointer) possible() error {
	if c.o.StatusFD >= 0 {
		if _, err := unix.FcntlInt(uintptr(c.o.StatusFD), unix.F_GETFD, 0); err != nil {
			return &diag.Error{Kind: diag.Usage, Field: "--status-fd", Value: strconv.Itoa(c.o.StatusFD),
				Problem: "is not open: the caller of rt must open it"}
		}
	}
	for i := range c.spec.Mounts {
		if m := &c.spec.Mounts[i]; m.IDMap && m.Bind && !c.o.PreDump {
			return &diag.Error{
				Kind: diag.State, Field: m.Field("options"),
				Problem: "the container can't be checkpointed: CRIU does not map the ids of " + m.Destination +
					" again",
			}
		}
	}
	// A layer over the root file system is rt's, and not in the config that the container would be restored from.
	var seen, config unix.Stat_t
	if unix.Stat("/proc/"+strconv.Itoa(c.state.Pid)+"/root", &seen) == nil &&
		unix.Stat(c.spec.Rootfs, &config) == nil &&
		c.spec.Namespaces.Has(unix.CLONE_NEWNS) && (seen.Dev != config.Dev || seen.Ino != config.Ino) &&
		!c.o.LeaveRunning && !c.o.PreDump {
		return &diag.Error{
			Kind: diag.State, Problem: "the container can't be checkpointed: its root file system is not root.path any more, but a layer over it, which would end with the container",
			Hint: "--ephemeral and --overlay do not go with checkpoint; with --leave-running the images are made all the same",
		}
	}
	return nil
}

// track turns on the tracking of memory where one dump builds on another.
func (c *checkpointer) track() error {
	if !c.o.PreDump && c.o.ParentPath == "" && !c.o.LazyPages {
		return nil
	}
	c.request.TrackMemory = c.o.PreDump || c.o.ParentPath != ""
	wanted := criu.Features{MemoryTracking: c.o.PreDump, LazyPages: c.o.LazyPages}
	return hasFeatures(c.program, wanted)
}

// parent checks --parent-path: CRIU makes a link of it, which has to hold wherever the images are carried.
func (c *checkpointer) parent() error {
	p := c.o.ParentPath
	if p == "" {
		return nil
	}
	bad := func(problem string, err error) error {
		e := &diag.Error{Kind: diag.Usage, Field: "--parent-path", Value: p, Problem: problem}
		if errno, ok := err.(unix.Errno); ok { //nolint:errorlint // of a system call
			e.Errno = errno
		}
		return e
	}
	if path.IsAbs(p) {
		return bad("must be relative to --image-path, such as ../pre1: the images may be carried elsewhere together",
			nil)
	}
	fd, err := unix.Openat(c.images.dir, p, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return bad("is no directory that --image-path leads to", err)
	}
	_ = unix.Close(fd)
	c.request.Parent = p
	return nil
}

// outside tells CRIU what the container has of the host's, which is not to be saved but to be there at the restore.
func (c *checkpointer) outside() error {
	if c.o.PreDump {
		return nil // of memory only
	}
	mounts, err := externalMounts(c.spec, c.group.Hierarchies(), c.container).attached(c.state.Pid)
	if err != nil {
		return err
	}
	for _, m := range mounts {
		c.request.External = append(c.request.External, "mnt["+m.destination+"]:"+m.label)
	}
	for _, n := range externalNamespaces {
		if c.spec.Namespaces.Joined(n.flag) == nil {
			continue
		}
		var st unix.Stat_t
		if err := unix.Stat("/proc/"+strconv.Itoa(c.state.Pid)+"/ns/"+n.kind, &st); err != nil {
			return diag.Sys("the namespaces of the container can't be read", "stat", err)
		}
		c.request.External = append(c.request.External, n.kind+"["+strconv.FormatUint(st.Ino, 10)+"]:"+n.label)
	}
	return nil
}

// save has CRIU do its work.
func (c *checkpointer) save() error {
	kind := criu.PreDump
	if !c.o.PreDump {
		kind = criu.Dump
		d, err := c.openDescriptors()
		if err != nil {
			return err
		}
		c.request.External = append(c.request.External, d.external()...)
		c.strangers()
		if err := c.images.saveDescriptors(d); err != nil {
			return err
		}
	}
	p, err := criu.Start(c.program, &criu.StartOptions{Env: os.Environ()})
	if err != nil {
		return err
	}
	c.r.debug("started criu " + strconv.Itoa(p.Pid))
	response, err := p.Do(kind, &c.request, c.notified)
	if err == nil && response.Success {
		return nil
	}
	c.thaw()
	return c.images.failure("the container could not be checkpointed", &response, err)
}

// strangers warns of processes that are in the container's cgroup and not of the container's making: rt exec has
// started them. CRIU saves a process and what descends from it, and these descend from nobody in the container.
func (c *checkpointer) strangers() {
	pids, err := c.group.Pids()
	if err != nil {
		return
	}
	n := 0
	for _, pid := range pids {
		if !descends(pid, c.state.Pid) {
			n++
		}
	}
	if n > 0 {
		c.r.warn(strconv.Itoa(n) +
			" process(es) that `rt exec` has started, or their children, are not in the images: CRIU saves only what descends from the container's own process")
	}
}

// descends reports whether a process is another one, or a child of its, or of those; and whether it has ended
// meanwhile.
func descends(pid, of int) bool {
	for range 1000 {
		if pid == of {
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

// thaw lets the container go on after a CRIU that could not do so itself any more: it was killed while the container
// stood still.
func (c *checkpointer) thaw() {
	if c.status != state.Running || !c.group.Available() {
		return
	}
	if frozen, err := c.group.Frozen(); err == nil && frozen {
		if err := c.group.Thaw(); err != nil {
			c.r.warn(err.Error())
		}
	}
}

// notified answers a notification of CRIU's. Networks are locked by CRIU itself: rt has none of its own.
func (c *checkpointer) notified(script string, _, fd int) error {
	c.r.debug("criu: " + script)
	if fd >= 0 {
		_ = unix.Close(fd)
	}
	if script == "status-ready" && c.o.StatusFD >= 0 {
		if _, err := unix.Write(c.o.StatusFD, []byte{0}); err != nil {
			e := diag.Sys("the descriptor can't be told that the memory is ready", "write", err)
			e.Field = "--status-fd"
			return e
		}
		_ = unix.Close(c.o.StatusFD)
		c.o.StatusFD = -1
	}
	return nil
}

// fill sets what checkpoint and restore have in common.
func (o *ImageOptions) fill(r *criu.Options) error {
	r.TCPEstablished, r.ExtUnixSockets, r.ShellJob, r.FileLocks = o.TCPEstablished, o.ExtUnixSockets, o.ShellJob, o.FileLocks
	r.TCPSkipInFlight = o.TCPSkipInFlight
	r.LinkRemap, r.LazyPages, r.AutoDedup = o.LinkRemap, o.LazyPages, o.AutoDedup
	modes := []string{"", "soft", "full", "strict", "ignore"}
	i := slices.Index(modes, o.ManageCgroups)
	if i < 0 {
		return &diag.Error{Kind: diag.Usage, Field: "--manage-cgroups-mode", Value: o.ManageCgroups,
			Problem: "must be soft, full, strict or ignore"}
	}
	r.Cgroups = [...]criu.CgroupMode{criu.CgroupSoft, criu.CgroupSoft, criu.CgroupFull, criu.CgroupStrict,
		criu.CgroupIgnore}[i]
	for _, name := range o.EmptyNS {
		if name != "network" {
			return &diag.Error{Kind: diag.Usage, Field: "--empty-ns", Value: name,
				Problem: "must be network: CRIU can leave no other namespace empty"}
		}
		r.EmptyNetwork = true
	}
	return nil
}

// pageServer takes the address of --page-server apart.
func pageServer(text string, lazy bool) (*criu.PageServer, error) {
	bad := func(problem string) error {
		return &diag.Error{Kind: diag.Usage, Field: "--page-server", Value: text, Problem: problem}
	}
	if text == "" {
		if lazy {
			return nil, bad("is needed with --lazy-pages: ADDRESS:PORT, where the memory waits to be fetched")
		}
		return nil, nil
	}
	i := strings.LastIndexByte(text, ':')
	if i < 0 {
		return nil, bad("must be ADDRESS:PORT")
	}
	port, err := strconv.ParseUint(text[i+1:], 10, 16)
	if err != nil || port == 0 || i == 0 {
		return nil, bad("must be ADDRESS:PORT, with a port from 1 to 65535")
	}
	return &criu.PageServer{Address: strings.Trim(text[:i], "[]"), Port: int(port)}, nil
}
