package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"

	"rt/tests/vm/facts"
)

// start is how a machine is started.
type start struct {
	image      string   // the root image
	keep       bool     // whether what the machine writes to it stays
	parameters []string // of the kernel, besides those that follow from the machine
	share      *os.File // a disk, or nil
	output     []port
	control    *os.File // a connected socket, or nil: what is written to its other end comes out of the port "control"
	verbose    bool
}

// port is a virtio port of the machine, by its name there, and where the host writes what comes out of it.
type port struct {
	name string
	to   io.Writer
}

// process is a running machine.
type process struct {
	pid     int
	ended   chan error // receives what QEMU ended with, when all output has been written
	console *recent
}

func qemu(arch string) string {
	return map[string]string{"amd64": "qemu-system-x86_64", "arm64": "qemu-system-aarch64"}[arch]
}

// start starts QEMU. What it opens comes as descriptors, so that nothing is left in a directory when it is killed; and
// it is killed when this process ends, in whatever way.
func (m machine) start(ctx context.Context, s start) (*process, error) {
	disk, err := initrd(m.kernel, m.arch)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, qemu(m.arch))
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	give := func(file *os.File) string {
		cmd.ExtraFiles = append(cmd.ExtraFiles, file)
		return fmt.Sprintf("/proc/self/fd/%d", 2+len(cmd.ExtraFiles))
	}
	ram, err := unlinked(0)
	if err != nil {
		return nil, err
	}
	defer ram.Close()
	if _, err := ram.Write(disk); err != nil {
		return nil, err
	}
	swap, err := unlinked(512 << 20)
	if err != nil {
		return nil, err
	}
	defer swap.Close()
	args := append(m.hardware(), "-kernel", m.kernelDir()+"/vmlinuz", "-initrd", give(ram), "-append", m.parameters(s))
	args = append(args, drive(s.image, "snapshot=on", s.keep)...)
	args = append(args, drive(m.kernelDir()+"/modules.img", "readonly=on", false)...)
	if s.share != nil {
		args = append(args, drive(give(s.share), "readonly=on", false)...)
		args = append(args, drive(give(swap), "", true)...)
	}
	if s.control != nil {
		cmd.ExtraFiles = append(cmd.ExtraFiles, s.control)
		args = append(args, "-chardev", fmt.Sprintf("socket,id=control,fd=%d", 2+len(cmd.ExtraFiles)),
			"-device", "virtserialport,chardev=control,name="+facts.Control)
	}
	p := &process{ended: make(chan error, 1), console: &recent{}}
	var copied sync.WaitGroup
	var ends []*os.File
	var readers []func()
	var console io.Writer = p.console
	if s.verbose {
		console = io.MultiWriter(console, os.Stderr)
	}
	for i, out := range append([]port{{"console", console}}, s.output...) {
		read, write, err := os.Pipe()
		if err != nil {
			return nil, err
		}
		ends = append(ends, write)
		readers = append(readers, func() {
			defer read.Close()
			_, _ = io.Copy(out.to, read)
		})
		args = append(args, "-chardev", fmt.Sprintf("file,id=%s,path=%s", out.name, give(write)))
		if i == 0 {
			args = append(args, "-serial", "chardev:console")
		} else {
			args = append(args, "-device", fmt.Sprintf("virtserialport,chardev=%s,name=%s", out.name, out.name))
		}
	}
	cmd.Args = append(cmd.Args, args...)
	cmd.Stdout, cmd.Stderr = p.console, p.console
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // the parent of whom Pdeathsig speaks is a thread
		err := cmd.Start()
		if err == nil {
			p.pid = cmd.Process.Pid
		}
		for _, end := range ends {
			end.Close()
		}
		started <- err
		if err != nil {
			return
		}
		for _, reader := range readers {
			copied.Go(reader)
		}
		err = cmd.Wait()
		copied.Wait()
		p.ended <- err
	}()
	return p, <-started
}

// drive is a disk: a copy of a file that ends with the machine, a file that can't be written, or the file itself.
func drive(path, how string, keep bool) []string {
	spec := "if=virtio,format=raw,cache=unsafe,file=" + path
	if !keep && how != "" {
		spec += "," + how
	}
	return []string{"-drive", spec}
}

func (m machine) kernelDir() string { return cache("kernels", m.kernel+"-"+m.arch) }

// hardware is the machine without disks. Emulated, it has what its programs may need and no more: each feature costs
// time. cx16 is off because QEMU 7.2 corrupts the flags after cmpxchg16b when processors run in threads of their own.
func (m machine) hardware() []string {
	board, cpu, accelerator := "q35", "max,cx16=off,la57=off", "tcg,thread=multi"
	if m.arch == "arm64" {
		board, cpu = "virt,gic-version=3", "cortex-a76"
	}
	if m.kvm() {
		cpu, accelerator = "host", "kvm"
	}
	return []string{
		"-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-machine", board, "-accel", accelerator,
		"-cpu", cpu, "-smp", fmt.Sprint(m.cpus), "-m", fmt.Sprint(m.memoryMB), "-device", "virtio-serial-pci",
	}
}

// kvm tells whether this machine can do better than emulate: the processor is of the same kind, and KVM answers.
// EMULATE is for hosts whose KVM answers and boots no kernel.
func (m machine) kvm() bool {
	if !native(m.arch) || os.Getenv("EMULATE") != "" {
		return false
	}
	kvm, err := os.OpenFile("/dev/kvm", os.O_RDWR, 0)
	if err != nil {
		return false
	}
	kvm.Close()
	return true
}

func (m machine) parameters(s start) string {
	console := map[string]string{"amd64": "ttyS0", "arm64": "ttyAMA0"}[m.arch]
	p := []string{
		"console=" + console, "panic=-1", "mitigations=off", "nokaslr", "cryptomgr.notests", "hugepages=8",
		"damon_stat.enabled=0", // on since Linux 7, and never idle
		"systemd.show_status=0", "systemd.unit=multi-user.target",
		// Starved of processors, services take longer than systemd gives them.
		"systemd.default_timeout_start_sec=1h", "systemd.service_watchdogs=0",
	}
	if m.arch == "amd64" {
		p = append(p, "no_timer_check", "tsc=reliable")
	}
	modules := "lsm=landlock,lockdown,yama"
	if m.lsm != "none" {
		modules += "," + m.lsm
	}
	p = append(p, modules)
	if m.lsm == "selinux" {
		p = append(p, "enforcing=0", "audit=1")
	} else {
		p = append(p, "audit=0")
	}
	switch m.cgroup { // systemd(1); from 256 on it wants to be told twice
	case "hybrid":
		p = append(p, "systemd.unified_cgroup_hierarchy=0", "SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1")
	case "v1":
		p = append(p, "systemd.unified_cgroup_hierarchy=0", "systemd.legacy_systemd_cgroup_controller=1",
			"SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1")
	}
	if !s.verbose {
		p = append(p, "quiet")
	}
	return strings.Join(append(p, s.parameters...), " ")
}

// recent keeps the end of what is written to it.
type recent struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (r *recent) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.text.Len() > 1<<20 {
		r.text.Next(r.text.Len() / 2)
	}
	return r.text.Write(p)
}

func (r *recent) bytes() []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	return bytes.Clone(r.text.Bytes())
}
