package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/remotecommand"
	"sigs.k8s.io/yaml"
)

const (
	namespace = "default"
	patience  = 3 * time.Minute // with both classes and other work on two processors
)

// trial is one row with one class: what its checks act on.
type trial struct {
	*cluster
	ctx   context.Context
	class string
	name  string // of the pod
}

// failure is what a check panics with, and the row's result.
type failure struct{ error }

func (t *trial) fail(format string, args ...any) { panic(failure{fmt.Errorf(format, args...)}) }

func (t *trial) need(err error, doing string) {
	if err != nil {
		t.fail("%s: %w", doing, err)
	}
}

// create makes the pod of a row. What rows leave out is: the class, an image of busybox, a second to end in, and that
// containers are not started again.
func (t *trial) create(text string) {
	pod := &core.Pod{ObjectMeta: meta.ObjectMeta{Name: t.name, Labels: map[string]string{"row": t.name}}}
	t.need(yaml.UnmarshalStrict([]byte(t.named(text)), &pod.Spec), "the row's YAML")
	if t.class != "" {
		pod.Spec.RuntimeClassName = &t.class
	}
	if pod.Spec.TerminationGracePeriodSeconds == nil {
		pod.Spec.TerminationGracePeriodSeconds = new(int64(1))
	}
	if pod.Spec.RestartPolicy == "" {
		pod.Spec.RestartPolicy = core.RestartPolicyNever
	}
	pod.Spec.AutomountServiceAccountToken = new(false)
	for _, containers := range [][]core.Container{pod.Spec.InitContainers, pod.Spec.Containers} {
		for i := range containers {
			if containers[i].Image == "" {
				containers[i].Image = "registry.example.org/box:1"
			}
		}
	}
	_, err := t.CoreV1().Pods(namespace).Create(t.ctx, pod, meta.CreateOptions{})
	t.need(err, "create")
}

// named is a text of a row, in which the pod's name is NAME, and its class CLASS.
func (t *trial) named(text string) string {
	return strings.NewReplacer("NAME", t.name, "CLASS", t.class).Replace(text)
}

func (t *trial) pod() *core.Pod {
	pod, err := t.CoreV1().Pods(namespace).Get(t.ctx, t.name, meta.GetOptions{})
	t.need(err, "get the pod")
	return pod
}

// until waits for a pod that is as wanted.
func (t *trial) until(what string, wanted func(*core.Pod) bool) *core.Pod {
	end := time.Now().Add(patience)
	for {
		pod := t.pod()
		if wanted(pod) {
			return pod
		}
		if time.Now().After(end) {
			t.fail("never %s: %s", what, t.tell(pod))
		}
		time.Sleep(250 * time.Millisecond)
	}
}

// tell is what a person asks for when a pod is not as it should be: phase, states, events.
func (t *trial) tell(pod *core.Pod) string {
	var b strings.Builder
	fmt.Fprintf(&b, "phase %s %s", pod.Status.Phase, pod.Status.Message)
	for _, s := range statuses(pod) {
		fmt.Fprintf(&b, "; %s: restarts %d, ready %t", s.Name, s.RestartCount, s.Ready)
		for _, state := range []core.ContainerState{s.State, s.LastTerminationState} {
			if w := state.Waiting; w != nil {
				fmt.Fprintf(&b, ", waits: %s %s", w.Reason, w.Message)
			}
			if e := state.Terminated; e != nil {
				fmt.Fprintf(&b, ", ended: %s %d %s", e.Reason, e.ExitCode, e.Message)
			}
		}
	}
	events, err := t.CoreV1().Events(namespace).List(t.ctx,
		meta.ListOptions{FieldSelector: "type=Warning,involvedObject.name=" + t.name})
	if err == nil {
		for _, e := range events.Items {
			fmt.Fprintf(&b, "; %s %s", e.Reason, e.Message)
		}
	}
	return b.String()
}

func statuses(pod *core.Pod) []core.ContainerStatus {
	all := append([]core.ContainerStatus{}, pod.Status.InitContainerStatuses...)
	all = append(all, pod.Status.ContainerStatuses...)
	return append(all, pod.Status.EphemeralContainerStatuses...)
}

// status is that of a container; the zero value for one that has none yet.
func status(pod *core.Pod, container string) core.ContainerStatus {
	for _, s := range statuses(pod) {
		if s.Name == container {
			return s
		}
	}
	return core.ContainerStatus{}
}

func (t *trial) running(container string) *core.Pod {
	return t.until(container+" runs", func(p *core.Pod) bool { return status(p, container).State.Running != nil })
}

// ended waits for the end of a container.
func (t *trial) ended(container string) *core.ContainerStateTerminated {
	pod := t.until(container+" ends", func(p *core.Pod) bool { return status(p, container).State.Terminated != nil })
	return status(pod, container).State.Terminated
}

func (t *trial) logs(container string) string {
	data, err := t.CoreV1().Pods(namespace).GetLogs(t.name, &core.PodLogOptions{Container: container}).DoRaw(t.ctx)
	t.need(err, "logs")
	return string(data)
}

// stream is an exec or attach, with a terminal if sizes is not nil.
type stream struct {
	container string
	command   []string // nil: attach
	in        io.Reader
	sizes     remotecommand.TerminalSizeQueue
}

func (t *trial) stream(s stream) (string, error) {
	request := t.CoreV1().RESTClient().Post().Resource("pods").Namespace(namespace).Name(t.name)
	tty := s.sizes != nil
	if s.command == nil {
		request = request.SubResource("attach").VersionedParams(&core.PodAttachOptions{
			Container: s.container,
			Stdin:     s.in != nil, Stdout: true, Stderr: !tty, TTY: tty,
		}, scheme.ParameterCodec)
	} else {
		request = request.SubResource("exec").VersionedParams(&core.PodExecOptions{
			Container: s.container,
			Command:   s.command, Stdin: s.in != nil, Stdout: true, Stderr: !tty, TTY: tty,
		}, scheme.ParameterCodec)
	}
	executor, err := remotecommand.NewSPDYExecutor(t.config, "POST", request.URL())
	t.need(err, "executor")
	ctx, cancel := context.WithTimeout(t.ctx, patience)
	defer cancel()
	var out, standardError bytes.Buffer
	options := remotecommand.StreamOptions{Stdin: s.in, Stdout: &out, Tty: tty, TerminalSizeQueue: s.sizes}
	if !tty {
		options.Stderr = &standardError
	}
	err = executor.StreamWithContext(ctx, options)
	return out.String() + standardError.String(), err
}

// exec is what a command prints, which has to succeed.
func (t *trial) exec(container string, command ...string) string {
	out, err := t.stream(stream{container: container, command: command})
	t.need(err, fmt.Sprintf("exec %q, which printed %q", command, out))
	return out
}

func (t *trial) patch(subresource, text string) {
	data, err := yaml.YAMLToJSON([]byte(text))
	t.need(err, "the patch's YAML")
	_, err = t.CoreV1().Pods(namespace).Patch(t.ctx, t.name, types.StrategicMergePatchType, data, meta.PatchOptions{},
		subresource)
	t.need(err, "patch "+subresource)
}

// remove deletes the pod and waits until it is gone; the result is how long that took.
func (t *trial) remove(grace *int64) time.Duration {
	began := time.Now()
	t.delete(grace)
	t.leaves()
	return time.Since(began)
}

func (t *trial) delete(grace *int64) {
	err := t.CoreV1().Pods(namespace).Delete(t.ctx, t.name, meta.DeleteOptions{GracePeriodSeconds: grace})
	t.need(err, "delete")
}

// discard has the pod deleted, however its checks went.
func (t *trial) discard() {
	zero := int64(0)
	_ = t.CoreV1().Pods(namespace).Delete(t.ctx, t.name, meta.DeleteOptions{GracePeriodSeconds: &zero})
}

// leaves waits until a pod is gone that was deleted.
func (t *trial) leaves() {
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if _, err := t.CoreV1().Pods(namespace).Get(t.ctx, t.name, meta.GetOptions{}); err != nil {
			return
		}
	}
	t.fail("three minutes later it is still there: %s", t.tell(t.pod()))
}
