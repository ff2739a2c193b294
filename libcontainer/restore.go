package libcontainer

import (
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/internal/sys"
	"rt/libcontainer/criu"
	"rt/libcontainer/engine"
	"rt/libcontainer/foreground"
	"rt/libcontainer/process"
	"rt/libcontainer/state"
)

// RestoreOptions are the options of restore. Of CreateOptions it has Bundle, ConsoleSocket, PidFile and NoPivot.
type RestoreOptions struct {
	RunOptions
	ImageOptions
	ParentPath      string // as for checkpoint
	LSMProfile      string // "TYPE:NAME": the label that the processes get, in place of the one that they had
	LSMMountContext string // the context= that mounts get, in place of the one that they had
}

// restorer makes one container of images. It is a maker for what the two have in common: the bundle, the cgroup, the
// state, the end.
type restorer struct {
	*maker
	ro      *RestoreOptions
	program string // criu
	images  images
	request criu.Options
	files   []int // what CRIU inherits beside rt's standard streams
	null    int   // CRIU's number of /dev/null
	criu    int   // the pid of CRIU
	refused error // why they are not
	checked bool  // the rights of the restored processes are those of the config

	undoAdmit func() // takes back what admit has changed; nil if that is nothing
}

// Restore makes a container of images that Checkpoint has made, and in the foreground waits for its end as Run does,
// whose exit status it returns.
func (r *Runtime) Restore(id string, o *RestoreOptions) (int, error) {
	if err := state.CheckID(id); err != nil {
		return 0, err
	}
	m, err := r.newMaker(id, &o.CreateOptions, false)
	if err != nil {
		return 0, err
	}
	x := &restorer{maker: m, ro: o}
	defer x.close()
	if err := engine.CheckConsole(m.spec.Process, o.ConsoleSocket, o.Detach); err != nil {
		return 0, err
	}
	if err := x.prepare(); err != nil {
		return 0, err
	}
	if err := m.nameKeyring(); err != nil {
		return 0, err
	}
	if err := m.prepareToAttend(&o.RunOptions); err != nil {
		return 0, err
	}
	if o.Detach {
		defer foreground.CatchEnd()()
	}
	if err := x.make(); err != nil {
		return 0, err
	}
	if o.Detach {
		return 0, nil
	}
	return m.foreground(&o.RunOptions)
}

func (x *restorer) close() {
	sys.CloseAll(x.files...)
	x.images.close()
	x.maker.close()
}

// prepare refuses what can be refused before anything is made.
func (x *restorer) prepare() (err error) {
	if x.spec.Process == nil {
		return &diag.Error{Kind: diag.Document, Field: "process", Problem: "is absent: there is nothing to be restored"}
	}
	if x.o.NoPivot {
		x.r.warn("--no-pivot has no effect on restore: CRIU changes the root by itself")
	}
	if p := x.ro.LSMProfile; p != "" {
		if kind, name, ok := strings.Cut(p, ":"); !ok || name == "" || kind != "apparmor" && kind != "selinux" {
			return &diag.Error{Kind: diag.Usage, Field: "--lsm-profile", Value: p,
				Problem: "must be apparmor:NAME or selinux:LABEL"}
		}
	}
	// The directory of the notify socket is there for processes that had it; they have told long ago that they are
	// ready.
	x.options.Notify = ""
	if x.program, err = findCRIU(); err != nil {
		return err
	}
	if x.ro.LazyPages {
		if err := hasFeatures(x.program, criu.Features{LazyPages: true}); err != nil {
			return err
		}
	}
	x.request = criu.Options{
		LogFile: "restore.log", Root: x.spec.Rootfs, NotifyScripts: true, RestoreSibling: true, OrphanPtsMaster: true,
		ConfigFile: configFile(x.spec), Parent: x.ro.ParentPath, LSMProfile: x.ro.LSMProfile, LSMMountContext: x.ro.LSMMountContext,
	}
	if err := x.ro.fill(&x.request); err != nil {
		return err
	}
	return x.findImages()
}

// findImages sees to it that there are images, before a container is made for them.
func (x *restorer) findImages() error {
	path := x.ro.ImagePath
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
	if unix.Fstatat(fd, "inventory.img", &st, unix.AT_SYMLINK_NOFOLLOW) != nil || st.Mode&unix.S_IFMT != unix.S_IFREG {
		return &diag.Error{
			Kind: diag.Usage, Field: "--image-path", Value: path, Problem: "holds no checkpoint: there is no inventory.img in it",
			Hint: "name the directory that --image-path of `rt checkpoint` has named",
		}
	}
	return nil
}

// make makes the container. On an error nothing is left of it.
func (x *restorer) make() error {
	err := x.record()
	if err == nil {
		err = x.container.MakeNotify()
	}
	if err == nil {
		err = x.makeGroups()
	}
	if err == nil {
		err = x.cgroup.Limit()
	}
	if err == nil {
		err = x.container.SaveConfig(x.spec.Raw)
	}
	if err == nil {
		err = x.restore()
	}
	if err == nil {
		err = x.cgroup.ForbidForks()
	}
	if err != nil {
		x.end()
		x.undo.Run()
	}
	return err
}

// end ends a process that was restored in vain.
func (x *restorer) end() {
	// It is a child of this rt that was not waited for, so the number is still its own.
	if x.pid > 0 && unix.Kill(x.pid, unix.SIGKILL) == nil {
		_, _ = process.Wait(x.pid)
	}
	x.pid, x.state.Pid = 0, 0
}

// restore has CRIU do its work.
func (x *restorer) restore() (err error) {
	null, err := unix.Open("/dev/null", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return diag.Sys("/dev/null can't be opened", "open", err)
	}
	x.null = x.hand(null)
	if err := x.namespaces(); err != nil {
		return err
	}
	for _, e := range externalMounts(x.spec, x.facts.Hierarchies, x.container) {
		x.request.External = append(x.request.External, "mnt["+e.label+"]:"+e.source)
	}
	p, err := x.start()
	if x.undoAdmit != nil {
		defer x.undoAdmit()
	}
	if err != nil {
		return err
	}
	x.criu = p.Pid
	x.r.debug("started criu " + strconv.Itoa(p.Pid))
	if err := x.attachCRIU(p.Pid); err != nil {
		p.Cancel()
		return err
	}
	p.Interrupted = foreground.Interrupted
	response, err := p.Do(criu.Restore, &x.request, x.notified)
	switch {
	case err == nil && response.Success && x.pid == response.Pid && x.state.Pid == x.pid && x.checked:
		return x.created()
	case err == nil && response.Success:
		x.pid = response.Pid
		return &diag.Error{Kind: diag.Host,
			Problem: "criu has restored the processes without telling that they are there"}
	case x.refused != nil:
		return x.refused
	}
	return x.images.failure("the container could not be restored", &response, err)
}

// hand hands a descriptor to CRIU, and returns the number that it has there.
func (x *restorer) hand(fd int) int {
	x.files = append(x.files, fd)
	return criu.FirstFile + len(x.files) - 1
}

// namespaces has CRIU take the namespaces that the config names by path.
func (x *restorer) namespaces() error {
	for i := range x.spec.Namespaces.Join {
		j := &x.spec.Namespaces.Join[i]
		for _, n := range externalNamespaces {
			if n.flag == j.Flag {
				fd, err := process.OpenNamespace(j.Field(), j.Path, j.Flag)
				if err != nil {
					return err
				}
				x.request.Inherit = append(x.request.Inherit, criu.Inherited{Key: n.label, FD: x.hand(fd)})
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

// attachCRIU puts CRIU into the container's cgroup, so that what it restores is born there, under the container's
// limits and device rules. The cgroups in the images are replaced by it: they may be of another machine, or of an id
// that is taken.
func (x *restorer) attachCRIU(pid int) error {
	if !x.cgroup.Available() {
		x.request.Cgroups = criu.CgroupIgnore
		return nil
	}
	if err := x.attach(pid); err != nil {
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
// nothing that CRIU mounts on the way is seen by anybody else. Only a thread of its own can have such a namespace,
// which therefore ends with this function.
func (x *restorer) start() (p *criu.Process, err error) {
	onOwnThread(func() {
		if err = x.prepareMounts(); err == nil {
			err = x.prepareImages()
		}
		if err == nil {
			p, err = criu.Start(x.program, &criu.StartOptions{Stdio: []int{0, 1, 2}, Files: x.files, Env: os.Environ()})
		}
	})
	return p, err
}

// notified answers a notification of CRIU's.
func (x *restorer) notified(script string, pid, fd int) error {
	x.r.debug("criu: " + script)
	if fd >= 0 && script != "orphan-pts-master" {
		_ = unix.Close(fd)
	}
	switch script {
	case "setup-namespaces":
		x.pid = pid
		return x.runRestoreHooks()
	case "orphan-pts-master":
		return x.console.Take(fd)
	case "post-restore":
		// All is there and stands still: nothing of the container runs before its process is written down.
		x.pid = pid
		if err := x.closeRoot(); err != nil {
			return err
		}
		if err := x.joinRdt(pid); err != nil {
			return err
		}
		return x.note()
	case "pre-resume":
		// They have their rights, and stand still for the last time.
		if x.refused = x.checkRights(x.pid); x.refused != nil {
			x.kill()
		}
		return x.refused
	}
	return nil
}

// note writes down the container's process, for `rt delete --force`. The container is still in creation: a signal from
// `rt kill` while CRIU holds the processes would leave CRIU waiting for good.
func (x *restorer) note() error {
	if err := x.lookAtStart(); err != nil {
		return err
	}
	x.state.Pid = x.pid
	return x.container.Save(&x.state)
}

// runRestoreHooks runs the hooks whose work ends with the container, and has to be done again: those of the runtime's
// namespaces, which set up networks. What createContainer and startContainer have done is in the images, and the
// program does not start.
func (x *restorer) runRestoreHooks() error {
	if x.spec.OCI.Hooks == nil {
		return nil
	}
	defer func() { x.state.Pid = 0 }()
	return x.runHostHooks()
}
