package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"rt/tests/internal/rest"
)

// facts is what was to be seen of a case: lines. failed says that the runtime refused it.
type facts struct {
	lines  []string
	failed bool
	output string // what the runtime said, for people
}

// observe runs c with p.
func (w *world) observe(c *kase, p *peer) (*facts, error) {
	b, err := w.makeBundle(c)
	if err != nil {
		return nil, err
	}
	w.count++
	r := &runner{
		w: w, b: b, p: p, id: fmt.Sprintf("rt-differential%d-%d", os.Getpid(), w.count),
		root: w.dir + "/state." + p.name, facts: &facts{},
	}
	_ = os.Remove(w.dir + "/hooks")
	if err := os.Chown("/dev/null", 0, 0); err != nil { // see ownDev
		return nil, err
	}
	defer r.cleanUp()
	if c.sequence == nil {
		r.runOnce()
	} else {
		for _, command := range c.sequence {
			r.step(command)
			if r.facts.failed = command == "create" && !r.isThere(); r.facts.failed {
				break
			}
		}
	}
	for _, file := range []string{w.dir + "/hooks", b.dir + "/rootfs/tmp/hooks"} {
		text, _ := os.ReadFile(file)
		r.add(string(text))
	}
	r.image()
	return r.facts, nil
}

// runner runs one case with one runtime.
type runner struct {
	w     *world
	b     *bundle
	p     *peer
	id    string
	root  string
	facts *facts
}

// oldPeers says that one to compare with is older than runc 1.2, which changed what propagation and which flags a
// mount has when the config is silent. The facts then leave propagation out.
var oldPeers bool

var propagation = regexp.MustCompile(`( private| shared| slave| unbindable)+ `)

func (r *runner) add(text string) {
	for line := range strings.Lines(text) {
		if oldPeers {
			line = propagation.ReplaceAllString(line, " ")
		}
		line = strings.TrimRight(strings.ReplaceAll(strings.ReplaceAll(line, r.id, "ID"), r.w.dir, "DIR"), " \n")
		if line != "" {
			r.facts.lines = append(r.facts.lines, line)
		}
	}
}

func (r *runner) runOnce() {
	out, errs, status := r.command("run", "--bundle", r.b.dir, r.id)
	r.facts.output = errs
	// The probe writes before it can fail. A runtime that has written nothing has not run it, whether it says so or
	// not.
	r.facts.failed = out == "" && status != 0
	r.add(out)
	r.add(fmt.Sprintf("exit %d", status))
}

// step runs one command of a sequence, and writes down whether it succeeded, and the status of the container
// afterwards.
func (r *runner) step(command string) {
	f := strings.Fields(command)
	var args []string
	switch f[0] {
	case "create", "run":
		args = []string{f[0], "--bundle", r.b.dir, r.id}
		if f[0] == "run" {
			args = []string{"run", "--detach", "--bundle", r.b.dir, r.id}
		}
	case "kill":
		args = []string{"kill", r.id, f[1]}
	case "exec":
		args = []string{"exec"}
		i := 1
		for ; i < len(f) && strings.HasPrefix(f[i], "-"); i++ {
			args = append(args, f[i])
			if f[i] != "-d" && f[i] != "--no-new-privs" {
				i++
				args = append(args, f[i])
			}
		}
		args = append(args, r.id)
		if f[i] == "PROBE" {
			args = append(args, "/bin/sh", "-c", probe)
		} else {
			args = append(args, f[i:]...)
		}
	default:
		args = append(append([]string{f[0]}, f[1:]...), r.id)
	}
	out, errs, status := r.command(args...)
	if f[0] == "exec" && f[len(f)-1] == "PROBE" {
		r.add(out)
	}
	if status != 0 {
		r.facts.output += command + ": " + errs
		if f[0] != "exec" {
			status = 1
		}
	}
	now, pid := r.state()
	if status == 0 && now != "paused" && slices.Contains([]string{"start", "run", "kill"}, f[0]) && comesToRest(pid) {
		now, _ = r.state()
	}
	r.add(fmt.Sprintf("after %q: status %d, %s", command, status, now))
}

// comesToRest waits until a process has done what a signal makes it do, or has begun: it has ended, or waits for
// something. It reports whether there was a process.
func comesToRest(pid int) bool {
	if pid <= 0 || rest.Ended(pid) {
		return pid > 0
	}
	rests := 0
	for end := time.Now().Add(patience); rests < 10 && !rest.Ended(pid); time.Sleep(10 * time.Millisecond) {
		if rests++; !rest.Is(pid) {
			rests = 0
		}
		if time.Now().After(end) {
			break
		}
	}
	return true
}

func (r *runner) isThere() bool {
	_, _, exit := r.command("state", r.id)
	return exit == 0
}

func (r *runner) state() (status string, pid int) {
	out, _, exit := r.command("state", r.id)
	var s struct {
		Status string
		Pid    int
	}
	if exit != 0 || json.Unmarshal([]byte(out), &s) != nil {
		return "there is none", 0
	}
	return s.Status, s.Pid
}

// patience is how long a command may take, on a machine with thirty other programs.
const patience = time.Minute

// command runs the runtime, as the case's caller does.
func (r *runner) command(args ...string) (out, errs string, status int) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	script := "cd " + r.b.dir + "\n" + strings.Join(r.b.caller, "\n") + "\nexec \"$@\"\n"
	words := []string{"-c", script, "sh"}
	if r.w.user != 0 {
		id := strconv.Itoa(r.w.user)
		words = append(words, "setpriv", "--reuid", id, "--regid", id, "--clear-groups")
	}
	words = append(append(words, r.p.path, "--root", r.root), args...)
	if r.b.tty && args[0] == "run" {
		// No word of this command has a space in it.
		words = append(words[:3:3], "script", "-qefc", strings.Join(words[3:], " "), "/dev/null")
	}
	cmd := exec.CommandContext(ctx, "/bin/sh", words...)
	stdout, err := os.CreateTemp(r.w.dir, "out")
	if err != nil {
		return "", err.Error(), -1
	}
	stderr, err := os.CreateTemp(r.w.dir, "err")
	if err != nil {
		return "", err.Error(), -1
	}
	defer func() {
		for _, f := range []*os.File{stdout, stderr} {
			_ = f.Close()
			_ = os.Remove(f.Name())
		}
	}()
	cmd.Stdout, cmd.Stderr = stdout, stderr
	_ = cmd.Run()
	o, _ := os.ReadFile(stdout.Name())
	e, _ := os.ReadFile(stderr.Name())
	if ctx.Err() != nil {
		return string(o), "it hangs", -1
	}
	return string(o), string(e), cmd.ProcessState.ExitCode()
}

// image adds what the runtime has made in the image.
func (r *runner) image() {
	var out bytes.Buffer
	cmd := exec.Command("find", ".", "-xdev", "-not", "-path", "./bin/*", "-not", "-path", "./tmp/*", "-printf",
		"image %p %y %m %U:%G %l\n")
	cmd.Dir, cmd.Stdout = r.b.dir+"/rootfs", &out
	_ = cmd.Run()
	r.add(out.String())
}

func (r *runner) cleanUp() {
	_, _, _ = r.command("delete", "--force", r.id)
	// What is left is a difference, too.
	if text, _ := os.ReadFile("/proc/self/mountinfo"); bytes.Contains(text, []byte(r.b.dir)) {
		r.add("left behind: a mount in the bundle")
		_ = exec.Command("sh", "-c",
			"grep -oE '"+r.b.dir+"[^ ]*' /proc/self/mountinfo | sort -r | while read -r m; do umount -l $m; done").Run()
	}
	if left, _ := filepath.Glob(r.root + "/*"); len(left) > 0 {
		r.add("left behind: state")
		_ = os.RemoveAll(r.root)
	}
	if left, _ := filepath.Glob("/sys/fs/cgroup/*/" + r.id); len(left) > 0 {
		r.add("left behind: " + regexp.MustCompile(`[0-9]+`).ReplaceAllString(strings.Join(left, " "), "N"))
		for _, dir := range left {
			_ = os.Remove(dir)
		}
	}
}
