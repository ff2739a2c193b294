package main

import (
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	core "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/client-go/transport/spdy"
	ended "k8s.io/client-go/util/exec"
)

// streams are the rows about who talks to a container.
var streams = []row{
	{"exec: streams and status", `
containers: [{name: c, command: [pause]}]
`, []check{runs("c"), func(t *trial) {
		out, err := t.stream(stream{
			container: "c", command: []string{"sh", "-c", "cat; exit 7"},
			in: strings.NewReader("said"),
		})
		var code ended.CodeExitError
		if out != "said" || !errors.As(err, &code) || code.Code != 7 {
			t.fail("it printed %q and ended with %v", out, err)
		}
	}}},
	{"exec: a program that is missing", `
containers: [{name: c, command: [pause]}]
`, []check{runs("c"), func(t *trial) {
		_, err := t.stream(stream{container: "c", command: []string{"no-such-program"}})
		if err == nil || !strings.Contains(err.Error(), "no-such-program") ||
			!strings.Contains(err.Error(), "executable file not found in $PATH") {
			t.fail("the error is %v", err)
		}
	}}},
	{"exec with a terminal, and its size when that changes", `
containers: [{name: c, command: [pause]}]
`, []check{runs("c"), func(t *trial) {
		sizes := make(queue, 2)
		sizes <- remotecommand.TerminalSize{Width: 91, Height: 31}
		time.AfterFunc(2*time.Second, func() {
			sizes <- remotecommand.TerminalSize{Width: 92, Height: 32}
			close(sizes)
		})
		script := `tty; for s in "31 91" "32 92"; do until stty size 2>/dev/null | grep "$s"; do sleep 0.1; done; done`
		out, err := t.stream(stream{
			container: "c", command: []string{"sh", "-c", script}, in: neverEnding{},
			sizes: sizes,
		})
		t.need(err, "exec")
		if got := strings.Join(strings.Fields(out), " "); got != "/dev/pts/0 31 91 32 92" {
			t.fail("it printed %q", got)
		}
	}}},
	{"attach: to a shell that waits for a line", `
containers: [{name: c, command: [sh, -c, "read line; echo got $line; sleep 1"], stdin: true, stdinOnce: true}]
`, []check{runs("c"), func(t *trial) {
		out, err := t.stream(stream{container: "c", in: strings.NewReader("word\n")})
		t.need(err, "attach")
		if strings.TrimSpace(out) != "got word" {
			t.fail("it printed %q", out)
		}
	}, exits("c", 0, "Completed")}},
	{"attach to a terminal", `
containers: [{name: c, command: [sh, -c, "read line; tty; echo got $line; sleep 1"], stdin: true, tty: true}]
`, []check{runs("c"), func(t *trial) {
		sizes := make(queue, 1)
		sizes <- remotecommand.TerminalSize{Width: 91, Height: 31}
		close(sizes)
		reader, writer := io.Pipe()
		time.AfterFunc(time.Second, func() { _, _ = io.WriteString(writer, "word\n") })
		out, err := t.stream(stream{container: "c", in: reader, sizes: sizes})
		t.need(err, "attach")
		if got := strings.Join(strings.Fields(out), " "); got != "word /dev/pts/0 got word" {
			t.fail("it printed %q", got)
		}
	}}},
	{"port-forward", `
containers:
- {name: c, image: "registry.example.org/nginx:1", readinessProbe: {tcpSocket: {port: 80}, periodSeconds: 1}}
`, []check{ready("c", true), forward}},
}

type queue chan remotecommand.TerminalSize

func (q queue) Next() *remotecommand.TerminalSize {
	size, ok := <-q
	if !ok {
		return nil
	}
	return &size
}

// neverEnding is an input that nobody types anything into.
type neverEnding struct{}

func (neverEnding) Read([]byte) (int, error) { select {} }

func forward(t *trial) {
	transport, upgrader, err := spdy.RoundTripperFor(t.config)
	t.need(err, "transport")
	request := t.CoreV1().RESTClient().Post().Resource("pods").Namespace(namespace).Name(t.name)
	dialer := spdy.NewDialer(upgrader, &http.Client{Transport: transport}, "POST",
		request.SubResource("portforward").URL())
	stop, there := make(chan struct{}), make(chan struct{})
	defer close(stop)
	forwarder, err := portforward.New(dialer, []string{"0:80"}, stop, there, io.Discard, io.Discard)
	t.need(err, "forwarder")
	over := make(chan error, 1)
	go func() { over <- forwarder.ForwardPorts() }()
	select {
	case err := <-over:
		t.fail("the forwarder ended: %w", err)
	case <-there:
	}
	ports, err := forwarder.GetPorts()
	t.need(err, "ports")
	client := http.Client{Timeout: 20 * time.Second}
	answer, err := client.Get("http://127.0.0.1:" + strconv.Itoa(int(ports[0].Local)))
	t.need(err, "the page")
	defer answer.Body.Close()
	page, err := io.ReadAll(answer.Body)
	t.need(err, "the page")
	if string(page) != "a page\n" {
		t.fail("the page is %q", page)
	}
}

// serial are the rows that disturb the node.
var serial = []row{
	{"containerd is restarted: containers run on, and end as they should", `
terminationGracePeriodSeconds: 20
containers:
- {name: c, command: [sh, -c, "echo began >/tmp/p; trap 'exit 0' TERM; while :; do sleep 0.1; done"]}
`, []check{becomes("c", "cat /tmp/p", "began"), func(t *trial) {
		t.restartContainerd()
		becomes("c", "cat /tmp/p", "began")(t) // once the kubelet has connected again
		if pod := t.pod(); status(pod, "c").RestartCount != 0 {
			t.fail("it was restarted: %s", t.tell(pod))
		}
	}, gone(0, 15*time.Second)}},
	{"a shim is killed: the kubelet starts the container again", `
restartPolicy: Always
containers: [{name: c, command: [pause]}]
`, []check{runs("c"), func(t *trial) {
		id := sandbox(t)
		t.need(exec.Command("pkill", "-KILL", "-f", "containerd-shim-runc-v2 -namespace k8s.io -id "+id).Run(),
			"kill the shim of "+id)
		t.until("a new sandbox", func(p *core.Pod) bool {
			return status(p, "c").State.Running != nil && status(p, "c").RestartCount > 0
		})
		t.shell("c", "echo said", "said")
	}}},
}

func (t *trial) restartContainerd() {
	file := filepath.Join(t.dir, "containerd.pid")
	before, err := os.ReadFile(file)
	t.need(err, "containerd's pid")
	pid, err := strconv.Atoi(strings.TrimSpace(string(before)))
	t.need(err, "containerd's pid")
	process, err := os.FindProcess(pid)
	t.need(err, "containerd")
	t.need(process.Signal(os.Interrupt), "end containerd")
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		now, err := os.ReadFile(file)
		if err == nil && string(now) != string(before) && exec.Command("ctr", "version").Run() == nil {
			return
		}
	}
	t.fail("containerd did not come back")
}

// sandbox is the id of the pod's sandbox, which its shim is called by.
func sandbox(t *trial) string {
	out, err := exec.Command("ctr", "--namespace", "k8s.io", "container", "list", "--quiet",
		`labels."io.kubernetes.pod.name"==`+t.name+`,labels."io.cri-containerd.kind"==sandbox`).Output()
	t.need(err, "the sandbox's id")
	id := strings.TrimSpace(string(out))
	if len(strings.Fields(id)) != 1 {
		t.fail("the sandboxes of %s are %q", t.name, id)
	}
	return id
}
