// Command streams tries what containerd's own tests of CRI leave out, as a kubelet does it: exec and attach with
// terminals and streams, recursive read-only mounts, and what the runtime is said to be able to do. It prints a line
// for each step, as Go's tests do, and fails if one fails.
//
// It is a module of its own: rt does not depend on Kubernetes.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/client-go/util/exec"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

const (
	socket  = "unix:///run/containerd/containerd.sock"
	handler = "rt"
	image   = "localhost:5000/busybox:1.36"
)

type suite struct {
	cri.RuntimeServiceClient
	ctx       context.Context
	dir       string
	pod       string
	container string // with a terminal, and a shell that waits for lines
}

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	if err := run(ctx); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	conn, err := grpc.NewClient(socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := cri.NewImageServiceClient(conn).PullImage(ctx,
		&cri.PullImageRequest{Image: &cri.ImageSpec{Image: image}}); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "streams")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	s := &suite{RuntimeServiceClient: cri.NewRuntimeServiceClient(conn), ctx: ctx, dir: dir}
	failed := 0
	for _, step := range []struct {
		name string
		do   func() error
	}{
		{"features", s.features},
		{"start", s.start},
		{
			"exec",
			s.exec,
		},
		{"exec with a terminal", s.execTerminal},
		{"attach", s.attach},
		{"update", s.update},
		{"stop", s.stop},
	} {
		if err := step.do(); err != nil {
			fmt.Printf("--- FAIL: streams/%s\n        Error: %v\n", step.name, err)
			failed++
			continue
		}
		fmt.Printf("--- PASS: streams/%s\n", step.name)
	}
	if failed > 0 {
		return fmt.Errorf("%d steps failed", failed)
	}
	return nil
}

// features checks what containerd has read out of `rt features`.
func (s *suite) features() error {
	status, err := s.Status(s.ctx, &cri.StatusRequest{})
	if err != nil {
		return err
	}
	for _, h := range status.RuntimeHandlers {
		if h.Name == handler {
			if f := h.Features; !f.GetRecursiveReadOnlyMounts() || !f.GetUserNamespaces() {
				return fmt.Errorf("the handler %s has the features %v", h.Name, f)
			}
			return nil
		}
	}
	return fmt.Errorf("no handler %s in %v", handler, status.RuntimeHandlers)
}

func (s *suite) start() error {
	inner := filepath.Join(s.dir, "inner")
	if err := os.Mkdir(inner, 0o755); err != nil {
		return err
	}
	if err := unix.Mount("inner", inner, "tmpfs", 0, ""); err != nil {
		return err
	}
	config := &cri.PodSandboxConfig{
		Metadata: &cri.PodSandboxMetadata{Name: "streams", Uid: "streams", Namespace: "default"},
		Linux:    &cri.LinuxPodSandboxConfig{CgroupParent: "/streams"},
	}
	pod, err := s.RunPodSandbox(s.ctx, &cri.RunPodSandboxRequest{Config: config, RuntimeHandler: handler})
	if err != nil {
		return err
	}
	s.pod = pod.PodSandboxId
	c, err := s.CreateContainer(s.ctx, &cri.CreateContainerRequest{
		PodSandboxId: s.pod, SandboxConfig: config,
		Config: &cri.ContainerConfig{
			Metadata: &cri.ContainerMetadata{Name: "shell"}, Image: &cri.ImageSpec{Image: image},
			Command: []string{"sh"}, Stdin: true, Tty: true,
			Mounts: []*cri.Mount{{HostPath: s.dir, ContainerPath: "/ro", Readonly: true, RecursiveReadOnly: true}},
			Linux:  &cri.LinuxContainerConfig{Resources: &cri.LinuxContainerResources{MemoryLimitInBytes: 64 << 20}},
		},
	})
	if err != nil {
		return err
	}
	s.container = c.ContainerId
	if _, err = s.StartContainer(s.ctx, &cri.StartContainerRequest{ContainerId: s.container}); err != nil {
		return err
	}
	r, err := s.ExecSync(s.ctx, &cri.ExecSyncRequest{
		ContainerId: s.container, Cmd: []string{"touch", "/ro/inner/x"},
		Timeout: 10,
	})
	if err != nil {
		return err
	}
	if r.ExitCode != 1 || !strings.Contains(string(r.Stderr), "Read-only file system") {
		return fmt.Errorf("a mount below one that is recursively read-only: status %d, %s", r.ExitCode, r.Stderr)
	}
	return nil
}

// stream connects to where the kubelet would.
func (s *suite) stream(where string, o remotecommand.StreamOptions) error {
	u, err := url.Parse(where)
	if err != nil {
		return err
	}
	e, err := remotecommand.NewSPDYExecutor(&rest.Config{Host: u.Host}, "POST", u)
	if err != nil {
		return err
	}
	return e.StreamWithContext(s.ctx, o)
}

func (s *suite) exec() error {
	r, err := s.Exec(s.ctx, &cri.ExecRequest{
		ContainerId: s.container, Cmd: []string{
			"sh", "-c",
			"cat; echo err >&2; exit 7",
		}, Stdin: true, Stdout: true, Stderr: true,
	})
	if err != nil {
		return err
	}
	var out, errs bytes.Buffer
	err = s.stream(r.Url, remotecommand.StreamOptions{Stdin: strings.NewReader("word"), Stdout: &out, Stderr: &errs})
	var status exec.CodeExitError
	if !errors.As(err, &status) || status.Code != 7 || out.String() != "word" || errs.String() != "err\n" {
		return fmt.Errorf("exec: %v, output %q, errors %q", err, out.String(), errs.String())
	}
	return nil
}

// size is the terminal's, told once.
type size struct{ told bool }

func (q *size) Next() *remotecommand.TerminalSize {
	if q.told {
		return nil
	}
	q.told = true
	return &remotecommand.TerminalSize{Width: 77, Height: 33}
}

func (s *suite) execTerminal() error {
	r, err := s.Exec(s.ctx, &cri.ExecRequest{
		ContainerId: s.container, Cmd: []string{
			"sh", "-c",
			"tty; until stty size | grep 33; do sleep 0.1; done",
		}, Stdin: true, Stdout: true, Tty: true,
	})
	if err != nil {
		return err
	}
	var out bytes.Buffer
	in, w := io.Pipe()
	defer w.Close()
	err = s.stream(r.Url, remotecommand.StreamOptions{Stdin: in, Stdout: &out, Tty: true, TerminalSizeQueue: &size{}})
	if err != nil || !strings.Contains(out.String(), "/dev/pts/") || !strings.Contains(out.String(), "33 77") {
		return fmt.Errorf("a terminal: %v, %q", err, out.String())
	}
	return nil
}

// attach types into the container's own terminal.
func (s *suite) attach() error {
	r, err := s.Attach(s.ctx, &cri.AttachRequest{ContainerId: s.container, Stdin: true, Stdout: true, Tty: true})
	if err != nil {
		return err
	}
	in, w := io.Pipe()
	from, out := io.Pipe()
	ctx, detach := context.WithCancel(s.ctx)
	defer detach()
	go func() {
		u, _ := url.Parse(r.Url)
		e, err := remotecommand.NewSPDYExecutor(&rest.Config{Host: u.Host}, "POST", u)
		if err == nil {
			err = e.StreamWithContext(ctx, remotecommand.StreamOptions{Stdin: in, Stdout: out, Tty: true})
		}
		out.CloseWithError(fmt.Errorf("the stream has ended: %v", err))
	}()
	if _, err := io.WriteString(w, "echo at-$((40+2))\n"); err != nil {
		return err
	}
	var seen []byte
	for buffer := make([]byte, 1024); !bytes.Contains(seen, []byte("at-42")); {
		n, err := from.Read(buffer)
		seen = append(seen, buffer[:n]...)
		if err != nil {
			return fmt.Errorf("%v, seen %q", err, seen)
		}
	}
	return nil
}

func (s *suite) update() error {
	_, err := s.UpdateContainerResources(s.ctx, &cri.UpdateContainerResourcesRequest{
		ContainerId: s.container, Linux: &cri.LinuxContainerResources{
			MemoryLimitInBytes: 32 << 20, CpuQuota: 50000,
			CpuPeriod: 100000,
		},
	})
	if err != nil {
		return err
	}
	r, err := s.ExecSync(s.ctx, &cri.ExecSyncRequest{ContainerId: s.container, Timeout: 10, Cmd: []string{
		"sh", "-c", "cat /sys/fs/cgroup/memory/memory.limit_in_bytes " +
			"/sys/fs/cgroup/cpu/cpu.cfs_quota_us 2>/dev/null || " +
			"cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/cpu.max",
	}})
	if err != nil {
		return err
	}
	if got := strings.Fields(string(r.Stdout)); len(got) < 2 || got[0] != "33554432" || got[1] != "50000" {
		return fmt.Errorf("the limits are %v", got)
	}
	stats, err := s.ContainerStats(s.ctx, &cri.ContainerStatsRequest{ContainerId: s.container})
	if err != nil {
		return err
	}
	if stats.Stats.GetMemory().GetUsageBytes().GetValue() == 0 {
		return errors.New("no memory is used")
	}
	return nil
}

func (s *suite) stop() error {
	defer func() { _ = unix.Unmount(filepath.Join(s.dir, "inner"), unix.MNT_DETACH) }()
	if _, err := s.StopContainer(s.ctx, &cri.StopContainerRequest{ContainerId: s.container, Timeout: 1}); err != nil {
		return err
	}
	status, err := s.ContainerStatus(s.ctx, &cri.ContainerStatusRequest{ContainerId: s.container})
	if err != nil {
		return err
	}
	if status.Status.State != cri.ContainerState_CONTAINER_EXITED {
		return fmt.Errorf("the container is %v", status.Status.State)
	}
	if _, err := s.StopPodSandbox(s.ctx, &cri.StopPodSandboxRequest{PodSandboxId: s.pod}); err != nil {
		return err
	}
	_, err = s.RemovePodSandbox(s.ctx, &cri.RemovePodSandboxRequest{PodSandboxId: s.pod})
	return err
}
