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
	ParentPath      string // as for checkpoint
	LSMProfile      string // "TYPE:NAME": the label of the processes, instead of their dumped one
	LSMMountContext string // the context= of mounts, instead of their dumped one
	// Progress, if it is not nil, is told ten times a second how far CRIU has come, and of each stage.
	Progress func(RestoreProgress)
}

// Bundle is what images are restored into: a config, and a container that is made but has no processes.
type Bundle struct {
	Spec     *spec.Spec
	Dir      *state.Container // nil until the container is made: Restore needs it, NewRestore does not
	Cgroup   *cgroup.Group
	Facts    *host.Facts
	Sources  []plan.Source // what the sources of Spec.Mounts are, by index
	Log      Log
	Handlers Handlers
}

// Handlers are called while CRIU works. An error ends the restore.
type Handlers struct {
	Attach   func(pid int) error // puts CRIU into the container's cgroup, in which it restores the processes
	Hooks    func(pid int) error // runs the hooks of the runtime's namespaces; pid is the container's first process
	Terminal func(master int) error
	Restored func(pid int) error // records the first process; none runs yet
}

// Restore is one restore of a container.
type Restore struct {
	*Bundle
	o         *RestoreOptions
	program   string // criu
	images    images
	request   criu.Options
	files     []int // what CRIU inherits besides rt's standard streams
	null      int   // CRIU's number of /dev/null
	outcome   outcome
	verifier  verifier
	meter     restoreMeter
	undoAdmit func() // reverses admit; nil if it has changed nothing
}

// outcome is how far CRIU has come.
type outcome struct {
	pid      int   // of the container's first process; 0 before it exists
	recorded bool  // Handlers.Restored has been called for it
	verified bool  // the rights of the processes are those of the config
	refused  error // why they are refused
}

// NewRestore prepares a restore and refuses what can be refused before a container is made. The caller closes it.
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
			Problem: "is absent: there is nothing to be restored",
		}
	}
	if err := x.verifier.checkLabelOptions(); err != nil {
		return err
	}
	if x.program, err = findCRIU(); err != nil {
		return err
	}
	if x.o.LazyPages {
		if err := hasFeatures(x.program, criu.Features{LazyPages: true}); err != nil {
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

// findImages sees to it that there are images, before a container is made for them.
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
	// CRIU opens it and waits for whoever writes to a FIFO.
	if unix.Fstatat(fd, "inventory.img", &st, unix.AT_SYMLINK_NOFOLLOW) != nil ||
		st.Mode&unix.S_IFMT != unix.S_IFREG {
		return &diag.Error{
			Kind: diag.Usage, Field: "--image-path", Value: path,
			Problem: "holds no checkpoint: there is no inventory.img in it",
			Hint:    "name the directory that --image-path of `rt checkpoint` has named",
		}
	}
	return checkTypes(fd, path)
}

// Run restores the processes and returns the pid of the first one, a child of this process. They run when it returns.
// After an error none of them is left.
func (x *Restore) Run() (pid int, err error) {
	if err := x.restore(); err != nil {
		x.End()
		return 0, err
	}
	return x.outcome.pid, nil
}

// End kills the processes of a restore that has succeeded in vain: what follows it has failed.
func (x *Restore) End() {
	// It is a child of this rt that was not waited for, so the number is still its own.
	if x.outcome.pid > 0 && unix.Kill(x.outcome.pid, unix.SIGKILL) == nil {
		_, _ = process.Wait(x.outcome.pid)
	}
	x.outcome.pid = 0
}

// restore has CRIU do its work.
func (x *Restore) restore() (err error) {
	null, err := stdio.OpenNull()
	if err != nil {
		return err
	}
	x.null = x.passToCRIU(null)
	if err := x.namespaces(); err != nil {
		return err
	}
	for _, e := range externalMounts(x.Spec, x.Facts.Hierarchies, x.Dir) {
		x.request.External = append(x.request.External, "mnt["+e.label+"]:"+e.source)
	}
	ended := make(chan struct{})
	defer close(ended)
	p, err := x.start(ended)
	if x.undoAdmit != nil {
		defer x.undoAdmit()
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
	response, err := p.Do(criu.Restore, &x.request, x.notified)
	switch {
	case err == nil && response.Success && x.outcome.pid == response.Pid && x.outcome.recorded && x.outcome.verified:
		x.meter.reportProgress(&x.images, Resumed)
		return nil
	case err == nil && response.Success:
		x.outcome.pid = response.Pid
		return &diag.Error{
			Kind:    diag.Host,
			Problem: "criu has restored the processes without telling that they are there",
		}
	case x.outcome.refused != nil:
		return x.outcome.refused
	}
	return x.images.failure("the container could not be restored", &response, err)
}

// passToCRIU has CRIU inherit a descriptor, and returns the number that it has there.
func (x *Restore) passToCRIU(fd int) int {
	x.files = append(x.files, fd)
	return criu.FirstFile + len(x.files) - 1
}

// namespaces has CRIU take the namespaces that the config names by path.
func (x *Restore) namespaces() error {
	for i := range x.Spec.Namespaces.Join {
		j := &x.Spec.Namespaces.Join[i]
		for _, n := range externalNamespaces {
			if n.flag == j.Flag {
				fd, err := process.OpenNamespace(j.Field(), j.Path, j.Flag)
				if err != nil {
					return err
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
				_ = unix.Close(fd) // it is one of the right kind; CRIU opens it itself
				x.request.Join = append(x.request.Join, criu.Joined{Kind: n.kind, Path: j.Path})
			}
		}
	}
	return nil
}

// attachCRIU puts CRIU into the container's cgroup, so that what it restores begins there, under the container's
// limits and device rules. The cgroups in the images are replaced by it: they may be of another machine, or of an id
// that is taken.
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

// cgroupRoots makes options of proc_pid_cgroup: a line is "4:cpu,cpuacct:/web1", or "0::/web1" for cgroup v2.
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

// start starts CRIU in a mount namespace of its own, where the root file system is a mount, as CRIU wants it, and
// nothing that CRIU mounts on the way is seen by anybody else. Only a thread of its own can have such a namespace. It
// lives until ended is closed, since CRIU is killed when it ends.
func (x *Restore) start(ended <-chan struct{}) (p *criu.Process, err error) {
	started := make(chan struct{})
	go onOwnThread(func() {
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

// notified answers a notification of CRIU's.
func (x *Restore) notified(script string, pid, fd int) error {
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
		// All is there and stands still: nothing of the container runs before its process is written down.
		x.outcome.pid = pid
		if err := x.closeRoot(); err != nil {
			return err
		}
		x.outcome.recorded = true
		return x.Handlers.Restored(pid)
	case "pre-resume":
		// They have their rights, and stand still for the last time.
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
