package checkpoint

import (
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/internal/sys"
	"rt/libcontainer/cgroup"
	"rt/libcontainer/criu"
	"rt/libcontainer/foreground"
	"rt/libcontainer/host"
	"rt/libcontainer/plan"
	"rt/libcontainer/process"
	"rt/libcontainer/state"
	"rt/libcontainer/stdio"
	"rt/spec"
)

// RestoreOptions are the options of restore.
type RestoreOptions struct {
	ImageOptions
	ParentPath      string // as in Options
	LSMProfile      string // "TYPE:NAME": the label of the processes, instead of the dumped one
	LSMMountContext string // the option context= of mounts, instead of the dumped one
	CRIU            string // the path of criu; "" searches it in PATH
	// Progress is called at each stage, and about ten times a second; it may be nil.
	Progress func(RestoreProgress)
}

// Bundle is a config, and a container that is created but has no processes: those of the images are restored into it.
type Bundle struct {
	Spec     *spec.Spec
	Dir      *state.Container // the container's directory; nil until Restore.Run
	Cgroup   *cgroup.Group
	Facts    *host.Facts
	Sources  []plan.Source // the types of the sources of Spec.Mounts, by index
	Log      Log
	Handlers Handlers
}

// Handlers are called while CRIU works. An error ends the restore.
type Handlers struct {
	Attach   func(pid int) error    // moves CRIU to the container's cgroup, in which it restores the processes
	Hooks    func(pid int) error    // runs prestart and createRuntime; pid is the init
	Terminal func(master int) error // takes the master of the container's terminal, and closes it
	Restored func(pid int) error    // records the init; the processes do not run yet
}

// Restore is one restore of a container.
type Restore struct {
	*Bundle
	o            *RestoreOptions
	program      string // criu
	images       images
	request      criu.Options
	files        []int // descriptors that CRIU inherits besides rt's standard streams
	null         int   // the descriptor of /dev/null
	outcome      outcome
	verifier     verifier
	meter        restoreMeter
	withdrawRoot func() // reverses admitRoot; nil if it has changed nothing
}

// outcome is the result of a restore so far.
type outcome struct {
	pid      int   // of the container's init; 0 before it exists
	recorded bool  // Handlers.Restored was called
	verified bool  // checkRights has accepted the processes
	refused  error // the error of checkRights
}

// NewRestore checks the options and the images. It changes nothing. The caller closes the Restore.
func NewRestore(b *Bundle, o *RestoreOptions) (*Restore, error) {
	x := &Restore{
		Bundle: b, o: o, verifier: verifier{Bundle: b, options: o}, images: images{dir: -1, work: -1},
		meter: restoreMeter{report: o.Progress},
	}
	if err := x.prepare(); err != nil {
		return nil, err
	}
	return x, nil
}

// Close closes what is open.
func (x *Restore) Close() {
	sys.CloseAll(x.files...)
	x.images.close()
}

// prepare checks the options, CRIU and the images.
func (x *Restore) prepare() (err error) {
	if x.Spec.Process == nil {
		return &diag.Error{
			Kind:    diag.Document,
			Field:   "process",
			Problem: "is absent: there is nothing to restore",
		}
	}
	if err := x.verifier.checkLabelOptions(); err != nil {
		return err
	}
	if x.program, err = findCRIU(x.o.CRIU); err != nil {
		return err
	}
	if x.o.LazyPages {
		if err := checkFeatures(x.program, criu.Features{LazyPages: true}); err != nil {
			return err
		}
	}
	x.request = criu.Options{
		LogFile: "restore.log", Root: x.Spec.Rootfs, NotifyScripts: true, RestoreSibling: true, OrphanPtsMaster: true,
		ConfigFile: configFile(x.Spec), Parent: x.o.ParentPath,
		LSMProfile: x.o.LSMProfile, LSMMountContext: x.o.LSMMountContext,
	}
	if err := x.o.fill(&x.request); err != nil {
		return err
	}
	return x.findImages()
}

// findImages returns an error if the image directory has no checkpoint.
func (x *Restore) findImages() error {
	path := x.o.ImagePath
	if path == "" {
		path = DefaultImages
	}
	fd, err := openDirectory("--image-path", path, false)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(fd) }()
	var st unix.Stat_t
	// CRIU would wait for the writer of a FIFO.
	if unix.Fstatat(fd, "inventory.img", &st, unix.AT_SYMLINK_NOFOLLOW) != nil ||
		st.Mode&unix.S_IFMT != unix.S_IFREG {
		return &diag.Error{
			Kind: diag.Usage, Field: "--image-path", Value: path,
			Problem: "contains no checkpoint: it has no inventory.img",
			Hint:    "use the directory that was --image-path of `rt checkpoint`",
		}
	}
	return checkTypes(fd, path)
}

// Run restores the processes, and returns the pid of the init, a child of this process. The processes run when Run
// returns. After an error no process is left.
func (x *Restore) Run() (pid int, err error) {
	if err := x.restore(); err != nil {
		x.End()
		return 0, err
	}
	return x.outcome.pid, nil
}

// End kills the processes of a successful restore, because a later part of the command has failed.
func (x *Restore) End() {
	// The init is a child that was not waited for: its pid was not reused.
	if x.outcome.pid > 0 && unix.Kill(x.outcome.pid, unix.SIGKILL) == nil {
		_, _ = process.Wait(x.outcome.pid)
	}
	x.outcome.pid = 0
}

// restore starts CRIU, sends the request and waits for the result.
func (x *Restore) restore() (err error) {
	if x.null, err = stdio.OpenNull(); err != nil {
		return err
	}
	defer func() { _ = unix.Close(x.null) }()
	if err := x.addNamespaces(); err != nil {
		return err
	}
	for _, e := range externalMounts(x.Spec, x.Facts.Hierarchies, x.Dir) {
		x.request.External = append(x.request.External, "mnt["+e.label+"]:"+e.source)
	}
	ended := make(chan struct{})
	defer close(ended)
	p, err := x.start(ended)
	if x.withdrawRoot != nil {
		defer x.withdrawRoot()
	}
	if err != nil {
		return err
	}
	x.verifier.criu = p.Pid
	x.Log.Debug("started criu " + strconv.Itoa(p.Pid))
	if err := x.attachCRIU(p.Pid); err != nil {
		p.Cancel()
		return err
	}
	x.meter.begin(&x.images)
	p.Interrupted = func() error {
		x.meter.reportProgress(&x.images, Restoring)
		return foreground.Interrupted()
	}
	response, err := p.Do(criu.Restore, &x.request, x.serveNotification)
	switch {
	case err == nil && response.Success && x.outcome.pid == response.Pid && x.outcome.recorded && x.outcome.verified:
		x.meter.reportProgress(&x.images, Resumed)
		return nil
	case err == nil && response.Success:
		x.outcome.pid = response.Pid
		return &diag.Error{
			Kind:    diag.Host,
			Problem: "criu has restored the processes without the notifications of a restore",
		}
	case x.outcome.refused != nil:
		return x.outcome.refused
	}
	return x.images.explain("the container could not be restored", &response, err)
}

// passToCRIU makes CRIU inherit a descriptor, which Close closes. It returns the number of the descriptor in CRIU.
func (x *Restore) passToCRIU(fd int) int {
	x.files = append(x.files, fd)
	return criu.FirstFile + len(x.files) - 1
}

// passNull makes CRIU inherit another descriptor of /dev/null.
func (x *Restore) passNull() (int, error) {
	fd, err := unix.FcntlInt(uintptr(x.null), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return -1, diag.Sys("a descriptor for criu can't be duplicated", "fcntl", err)
	}
	return x.passToCRIU(fd), nil
}

// addNamespaces adds the namespaces that the config joins by path to the request.
func (x *Restore) addNamespaces() error {
	for i := range x.Spec.Namespaces.Join {
		j := &x.Spec.Namespaces.Join[i]
		for _, n := range externalNamespaces {
			if n.flag == j.Flag {
				fd, err := process.OpenNamespace(j.Field(), j.Path, j.Flag)
				if err != nil {
					return err
				}
				if n.flag == unix.CLONE_NEWPID {
					if err := checkTracer(j, fd); err != nil {
						_ = unix.Close(fd)
						return err
					}
				}
				x.request.Inherit = append(x.request.Inherit, criu.Inherited{Key: n.label, FD: x.passToCRIU(fd)})
			}
		}
		for _, n := range joinedNamespaces {
			if n.flag == j.Flag {
				fd, err := process.OpenNamespace(j.Field(), j.Path, j.Flag)
				if err != nil {
					return err
				}
				_ = unix.Close(fd) // opened only to check its type: CRIU opens the path itself
				x.request.Join = append(x.request.Join, criu.Joined{Kind: n.kind, Path: j.Path})
			}
		}
	}
	return nil
}

// checkTracer returns an error if a process that sees those of a pid namespace could trace the processes of CRIU that
// become the container's. These have the host's root directory and all privileges until CRIU takes them away, and are
// dumpable. With a user namespace CRIU dumps no container whose /proc is of another one's pid namespace.
func checkTracer(j *spec.Join, fd int) error {
	pid, err := process.FindTracer(fd)
	if pid == 0 || err != nil {
		return err
	}
	return &diag.Error{
		Kind: diag.State, Field: j.Field(), Value: j.Path,
		Problem: "is a pid namespace that process " + strconv.Itoa(pid) + " sees, which may have CAP_SYS_PTRACE: it " +
			"could reach the host's files through this container while that is restored",
		Hint: "restore it before that process starts, or in a pid namespace of its own",
	}
}

// attachCRIU moves CRIU to the container's cgroup: the processes are created there, under the container's limits and
// device rules. This cgroup replaces those in the images, which may be of another machine or container.
func (x *Restore) attachCRIU(pid int) error {
	if !x.Cgroup.Available() {
		x.request.Cgroups = criu.CgroupIgnore
		return nil
	}
	if err := x.Handlers.Attach(pid); err != nil {
		return err
	}
	if x.request.Cgroups == criu.CgroupIgnore {
		return nil
	}
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cgroup")
	if err != nil {
		return &diag.Error{Kind: diag.Kernel, Problem: "the cgroup of criu can't be found", Err: err}
	}
	x.request.CgroupRoots = cgroupRoots(string(text))
	return nil
}

// cgroupRoots returns the options for the lines of a /proc/PID/cgroup (cgroups(7)): "4:cpu,cpuacct:/web1", or
// "0::/web1" for cgroup v2.
func cgroupRoots(text string) (roots []criu.CgroupRoot) {
	for line := range strings.Lines(text) {
		part := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 3)
		if len(part) != 3 {
			continue
		}
		for controller := range strings.SplitSeq(part[1], ",") {
			roots = append(roots, criu.CgroupRoot{Controller: controller, Path: part[2]})
		}
	}
	return roots
}

// start starts CRIU in a new mount namespace, in which the root file system is a mount point, as CRIU requires.
// Temporary mounts of CRIU are not visible elsewhere. The thread that creates the namespace runs until ended is closed:
// its end kills CRIU.
func (x *Restore) start(ended <-chan struct{}) (p *criu.Process, err error) {
	started := make(chan struct{})
	go runOnOwnThread(func() {
		p, err = x.startHere()
		close(started)
		<-ended
	})
	<-started
	return p, err
}

// startHere starts CRIU from the calling thread, whose mount namespace it changes.
func (x *Restore) startHere() (*criu.Process, error) {
	if err := x.prepareMounts(); err != nil {
		return nil, err
	}
	if err := x.prepareImages(); err != nil {
		return nil, err
	}
	return criu.Start(x.program, &criu.StartOptions{Stdio: []int{0, 1, 2}, Files: x.files, Env: os.Environ()})
}

// serveNotification handles a notification of CRIU.
func (x *Restore) serveNotification(script string, pid, fd int) error {
	x.Log.Debug("criu: " + script)
	if fd >= 0 && script != "orphan-pts-master" {
		_ = unix.Close(fd)
	}
	switch script {
	case "setup-namespaces":
		x.outcome.pid = pid
		return x.Handlers.Hooks(pid)
	case "orphan-pts-master":
		return x.Handlers.Terminal(fd)
	case "post-restore":
		// All processes exist and are stopped. The init is recorded before any of them runs.
		x.outcome.pid = pid
		if err := x.makeRootReadonly(); err != nil {
			return err
		}
		x.outcome.recorded = true
		return x.Handlers.Restored(pid)
	case "pre-resume":
		// The processes have their final privileges, and are still stopped.
		if x.outcome.refused = x.verifier.checkRights(x.outcome.pid); x.outcome.refused != nil {
			x.verifier.kill(x.outcome.pid)
			return x.outcome.refused
		}
		x.outcome.verified = true
		x.meter.reportProgress(&x.images, Resuming)
		return nil
	}
	return nil
}
