package main

import (
	"context"
	"os/exec"
	"strconv"
	"strings"
	"time"

	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// states is where containerd has the runtimes keep the state of pods.
const states = "/run/containerd/runc/k8s.io"

// stuck are the pods of docs/kubernetes.md, "A pod that is stuck", and what it advises. They may hold up the kubelet.
var stuck = []row{
	{"stuck: a volume does not answer, until the node forces its unmount", `
volumes: [{name: v, hostPath: {path: /run/kubernetes-tests/silent-CLASS}}]
containers: [{name: c, command: [cat, /mnt/file], volumeMounts: [{name: v, mountPath: /mnt}]}]
`, []check{runs("c"), func(t *trial) {
		id := t.id("c")
		t.k("kill", id, "KILL")
		t.delete(nil)
		t.stays(15 * time.Second)
		t.k("state", id).prints("running")
		if t.class == "rt" {
			t.k("ps", id).prints("cat /mnt/file")
			t.k("delete", "--force", id).fails("did not die of SIGKILL")
		}
		// It is busy, and its requests end.
		_ = exec.Command("umount", "--force", t.named("/run/kubernetes-tests/silent-CLASS")).Run()
		t.leaves()
	}}},
	{"stuck: another command holds the container's lock", `
containers: [{name: c, command: [pause]}]
`, []check{runs("c"), func(t *trial) {
		id := t.id("c")
		holder := exec.Command("flock", "--no-fork", states+"/"+id, "sleep", "1000")
		t.need(holder.Start(), "hold the lock")
		release := func() { _ = holder.Process.Kill(); _ = holder.Wait() }
		defer release()
		t.held(states + "/" + id)
		if t.class == "rt" {
			t.k("pause", id).fails("in use", strconv.Itoa(holder.Process.Pid))
		}
		t.delete(nil)
		if t.class == "rt" {
			t.stays(10 * time.Second)
		}
		release()
		t.leaves()
	}}},
	{"stuck: ContainerCreating, and the event says why", `
securityContext: {sysctls: [{name: net.not.there, value: "1"}]}
containers: [{name: c, command: [pause]}]
`, []check{func(t *trial) {
		words := []string{"FailedCreatePodSandBox", "net"}
		if t.class == "rt" {
			words = append(words, "linux.sysctl", "net.not.there")
		}
		t.until("the event", func(p *core.Pod) bool {
			said := t.tell(p)
			for _, word := range words {
				if !strings.Contains(said, word) {
					return false
				}
			}
			waiting := status(p, "c").State.Waiting
			return waiting != nil && waiting.Reason == "ContainerCreating"
		})
		t.delete(nil)
		t.leaves()
	}}},
	{"stuck: its processes are frozen", `
terminationGracePeriodSeconds: 60
containers: [{name: c, command: [pause]}]
`, []check{runs("c"), func(t *trial) {
		id := t.id("c")
		t.k("pause", id).prints("")
		t.delete(nil)
		t.stays(10 * time.Second)
		t.k("state", id).prints("paused")
		t.k("resume", id).prints("")
		t.leaves()
	}}},
	{"stuck: its shim does not answer", `
containers: [{name: c, command: [pause]}]
`, []check{runs("c"), func(t *trial) {
		shim := "containerd-shim-runc-v2 .*-id " + sandbox(t)
		t.need(exec.Command("pkill", "-STOP", "-f", shim).Run(), "stop the shim")
		t.delete(nil)
		t.stays(10 * time.Second)
		t.need(exec.Command("pkill", "-KILL", "-f", shim).Run(), "kill the shim")
		t.leaves()
	}}},
}

// id is that of a container, as the runtime knows it.
func (t *trial) id(container string) string {
	return strings.TrimPrefix(status(t.pod(), container).ContainerID, "containerd://")
}

// answer is what a command of the runtime printed, and how it ended.
type answer struct {
	*trial
	command string
	text    string
	err     error
}

// k runs a command of the runtime on the node, as the alias of the page.
func (t *trial) k(args ...string) answer {
	program := "runc"
	if t.class == "rt" {
		program = "/usr/local/bin/rt"
	}
	ctx, cancel := context.WithTimeout(t.ctx, 30*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, program, append([]string{"--root", states}, args...)...).CombinedOutput()
	return answer{t, program + " " + strings.Join(args, " "), string(out), err}
}

func (a answer) prints(words string) {
	if a.err != nil || !strings.Contains(a.text, words) {
		a.fail("%s prints %q (%v), not %q", a.command, a.text, a.err, words)
	}
}

func (a answer) fails(words ...string) {
	for _, word := range words {
		if a.err == nil || !strings.Contains(a.text, word) {
			a.fail("%s prints %q (%v), and should fail with %q", a.command, a.text, a.err, word)
		}
	}
}

// held waits until somebody has the lock of a directory.
func (t *trial) held(dir string) {
	for range 100 {
		if exec.Command("flock", "--nonblock", dir, "true").Run() != nil {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.fail("nobody has the lock of %s", dir)
}

// stays: it was deleted, and is still there after that time.
func (t *trial) stays(long time.Duration) {
	time.Sleep(long)
	_, err := t.CoreV1().Pods(namespace).Get(t.ctx, t.name, meta.GetOptions{})
	t.need(err, "a pod that should be stuck")
}
