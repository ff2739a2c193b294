package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// scenario is a kind of container, and what is done with it. Each has plans that the others have not.
type scenario struct {
	name    string
	begins  string // what its config is made of: docker, rootless; "" is default
	change  func(w *world, c config)
	prepare func(w *world) error // adds to the image
	live    func(w *world)       // runs the commands; one is the command under test
	only    *regexp.Regexp       // the steps that the scenario is about, by their line in `rt plan`; nil: all
	refused bool                 // rt refuses the container
	caller  func(cmd *exec.Cmd)  // changes the command under test: how rt is called
	user    int                  // who calls rt
	owner   int                  // whose the image is

	restores bool // images, which has no plan: restore.go
}

var scenarios = []scenario{
	{name: "default", live: (*world).run},
	{name: "create and start", live: (*world).createAndStart, change: everyday},
	{name: "docker", begins: "docker", live: (*world).run, change: dockerBinds},
	{name: "kubernetes", begins: "docker", live: (*world).inPod, change: kubernetes},
	{
		name: "rootless", begins: "rootless", live: (*world).run, change: rootless, user: ordinaryUser,
		owner: ordinaryUser,
	},
	{name: "user namespace", live: (*world).run, change: userNamespace, owner: 100000, caller: inGroup},
	{name: "terminal", live: (*world).runOnTerminal, change: withTerminal},
	{name: "console socket", live: (*world).createWithConsole, change: withTerminal},
	{name: "hooks", live: (*world).createAndStart, change: withHooks},
	{name: "layer", live: func(w *world) { w.runWith("--ephemeral") }, change: readOnlyBinds, owner: 7},
	{name: "every option", live: (*world).run, change: everyOption, prepare: deepDirectories},
	{name: "exec", live: (*world).exec, change: everyOption, prepare: deepDirectories},
	{name: "exec in a user namespace", live: (*world).exec, change: userNamespace, owner: 100000, caller: inGroup},
	{name: "exec --host-binary", live: (*world).execHostBinary},
	{name: "restore", live: (*world).restore, change: restored, prepare: images, restores: true},
	{name: "restore in a pod", live: (*world).restoreInPod, change: restoredInPod, prepare: images, restores: true},
	{name: "restore a FIFO", live: (*world).restore, prepare: imagesWithFIFO, restores: true, refused: true},
	{name: "restore nothing", live: (*world).restore, prepare: noImages, restores: true, refused: true},
	{
		name: "restore under no label", live: func(w *world) { w.restoreWith("--lsm-profile", "nothing") },
		prepare: images, restores: true, refused: true,
	},
	{name: "caller", live: (*world).run, change: manyMounts, caller: strangeCaller},
	{name: "bare image", live: (*world).run, change: writable, prepare: bareImage},
	{
		name: "closed directory", live: (*world).run, change: closedCwd, prepare: closedDirectory, owner: 100000,
		only: regexp.MustCompile(`PR_CAPBSET_READ`),
	},
	{
		name: "a file in the way", live: (*world).run, change: fileInTheWay, refused: true,
		only: regexp.MustCompile(`^openat2.*"secret"`),
	},
	{
		name: "a file for sysfs", live: (*world).run, prepare: sysIs(aFile), refused: true,
		only: regexp.MustCompile(`^openat2.*"sys"`),
	},
	{
		name: "a link for sysfs", live: (*world).run, prepare: sysIs(aLink), refused: true,
		only: regexp.MustCompile(`^openat2.*"sys"`),
	},
	{
		name: "a link for a node", live: (*world).run, change: imageDev, prepare: linkForNode, owner: 100000,
		refused: true,
		only:    regexp.MustCompile(`^openat2.*"null"`),
	},
	{
		name: "a magic link", live: (*world).run, change: magicMount, prepare: magicLink, refused: true,
		only: regexp.MustCompile(`^openat2.*"magic`),
	},
	{
		name: "no program", live: (*world).createAndStart, change: noProgram, refused: true,
		only: regexp.MustCompile(`^faccessat`),
	},
	{
		name: "a link for the root", live: (*world).run, prepare: linkedRoot,
		only: regexp.MustCompile(`^move_mount\(\$root`),
	},
	{
		name: "a link for the root, with users", live: (*world).run, change: userNamespace, prepare: linkedRoot,
		owner: 100000, caller: inGroup, only: regexp.MustCompile(`^move_mount\(\$root`),
	},
	{
		name: "links", live: (*world).run, change: linkedMounts, prepare: links,
		only: regexp.MustCompile(`^(openat2|mkdirat|move_mount)`),
	},
}

// run makes a container in the foreground.
func (w *world) run() { w.runWith() }

func (w *world) runWith(options ...string) {
	w.try(append(append([]string{"run"}, options...), "--bundle", w.bundle, w.id)...)
	w.rt("delete", "--force", w.id)
}

// createAndStart makes a container in two steps, and examines it in between.
func (w *world) createAndStart() {
	out, err := os.Create(w.dir + "/out")
	if err != nil {
		w.add("rig: " + err.Error())
		return
	}
	defer out.Close()
	create := w.command("create", "--bundle", w.bundle, w.id)
	create.Stdout = out
	w.spoil(create)
	if w.carryOut(create, "create") {
		w.lookAt(w.pid())
		w.rt("start", w.id)
		w.untilStopped()
	}
	text, _ := os.ReadFile(out.Name())
	w.addLines("inside: ", string(text))
	w.rt("delete", "--force", w.id)
}

// createWithConsole is createAndStart for a container whose terminal goes to a socket, as engines want it.
func (w *world) createWithConsole() {
	console, err := newConsole(w.dir + "/console")
	if err != nil {
		w.add("rig: " + err.Error())
		return
	}
	defer console.close()
	create := w.command("create", "--console-socket", w.dir+"/console", "--bundle", w.bundle, w.id)
	w.spoil(create)
	if w.carryOut(create, "create") {
		w.lookAt(w.pid())
		w.rt("start", w.id)
		w.untilStopped()
	}
	w.rt("delete", "--force", w.id)
	w.addLines("inside: ", console.text())
}

// state is what rt says of the container.
func (w *world) state() (pid int, status string) {
	cmd := w.command("state", w.id)
	cmd.SysProcAttr = nil
	out, _ := cmd.Output()
	var s struct {
		Pid    int
		Status string
	}
	_ = json.Unmarshal(out, &s)
	return s.Pid, s.Status
}

func (w *world) pid() int {
	pid, _ := w.state()
	return pid
}

// untilStopped waits for the end of the container.
func (w *world) untilStopped() {
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if _, status := w.state(); status != "running" && status != "created" {
			return
		}
	}
	w.add("the container does not end")
}

// inPod makes a container that joins the namespaces of another one.
func (w *world) inPod() { w.besidePod(w.createAndStart) }

// besidePod does something while a process holds the namespaces of a pod.
func (w *world) besidePod(live func()) {
	pod := exec.Command(w.base+"/busybox", "sleep", "1000")
	pod.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS}
	if err := pod.Start(); err != nil {
		w.add("rig: " + err.Error())
		return
	}
	w.pod = pod.Process.Pid
	if err := w.config(); err != nil {
		w.add("rig: " + err.Error())
	}
	live()
	_ = pod.Process.Kill()
	_ = pod.Wait()
}

// exec joins a container that runs.
func (w *world) exec() { w.execWith([]string{w.id, "/bin/sh", "-c", look}) }

// execHostBinary joins one with a program that the image does not have.
func (w *world) execHostBinary() {
	w.execWith([]string{"--host-binary", w.base + "/probe", w.id, "probe"})
}

func (w *world) execWith(args []string) {
	text, err := os.ReadFile(w.bundle + "/config.json")
	var c config
	if err == nil {
		err = json.Unmarshal(text, &c)
	}
	if err == nil {
		c.at("process")["args"] = []string{"/bin/sleep", "1000"}
		err = w.save(c, "config.json")
	}
	if err != nil {
		w.add("rig: " + err.Error())
		return
	}
	null, _ := os.OpenFile("/dev/null", os.O_RDWR, 0)
	run := w.command("run", "--detach", "--bundle", w.bundle, w.id)
	run.Stdin, run.Stdout, run.Stderr = null, null, null
	w.carryOut(run, "run --detach")
	w.try(append([]string{"exec"}, args...)...)
	w.rt("delete", "--force", w.id)
}

// runOnTerminal makes a container in the foreground of a terminal.
func (w *world) runOnTerminal() {
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		w.add("rig: " + err.Error())
		return
	}
	defer master.Close()
	fd := int(master.Fd())
	number, _ := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	_ = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	_ = unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 33, Col: 77})
	slave, err := os.OpenFile("/dev/pts/"+strconv.Itoa(number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		w.add("rig: " + err.Error())
		return
	}
	cmd := w.command("run", "--bundle", w.bundle, w.id)
	w.spoil(cmd)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.SysProcAttr.Setsid, cmd.SysProcAttr.Setctty = true, true
	said := readAll(fd)
	w.carryOut(cmd, "run")
	_ = slave.Close()
	w.rt("delete", "--force", w.id)
	w.addLines("inside: ", <-said)
}
