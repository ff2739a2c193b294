// Machine runs commands in virtual machines with a choice of kernels, systemd versions, cgroup modes, security modules
// and architectures: what a container runtime can't test on the machine at hand.
//
//	machine run --kernel 5.10 --suite bullseye --share build -- ./test -test.v
//	machine run --cgroup hybrid --suite bookworm -- as-rootless id
//	machine matrix [ROW...]        # make machines: results and logs below the user's cache directory
//	machine record                 # and docs/machines.md
//	machine list
//
// A machine is a Debian root image of a suite and the kernel of a suite, in QEMU; with KVM where that works, emulated
// where it does not, or where EMULATE is set: some hosts have a /dev/kvm that boots no kernel. The command starts as
// root in a copy of the shared directory. Its output and its exit status are machine's, which exits with 124 after the
// timeout, when it has written what the machine's processes were doing, and with 125 if the machine fails. Nothing that
// the command writes outlives the machine, and the machine does not outlive this process, even if that is killed.
//
// Images and kernels are built once, as root, below the user's cache directory; what that takes is installed with apt.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// Exit statuses of machine itself.
const (
	statusTimeout = 124
	statusFailure = 125
)

const usage = `usage: machine run [OPTION]... [--] COMMAND [ARGUMENT]...
       machine build [OPTION]...
       machine matrix [ROW]...
       machine record
       machine list
`

func main() {
	status, err := dispatch(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "machine:", err)
	}
	os.Exit(status)
}

func dispatch(args []string) (int, error) {
	if len(args) == 0 {
		return statusFailure, errors.New(strings.TrimSpace(usage))
	}
	switch args[0] {
	case "run":
		m, o, err := options(args[1:])
		if err != nil {
			return statusFailure, err
		}
		if len(o.command) == 0 {
			return statusFailure, errors.New("there is no command to run")
		}
		return m.run(o)
	case "build":
		m, _, err := options(args[1:])
		if err == nil {
			err = m.build()
		}
		return failure(err), err
	case "matrix":
		return matrix(args[1:])
	case "record":
		err := record()
		return failure(err), err
	case "list":
		err := list(os.Stdout)
		return failure(err), err
	}
	return statusFailure, fmt.Errorf("%q is no command\n%s", args[0], usage)
}

func failure(err error) int {
	if err != nil {
		return statusFailure
	}
	return 0
}

// machine is a kind of virtual machine.
type machine struct {
	arch     string // as Go names it
	suite    string // of the root image
	kernel   string // a name of kernels
	cgroup   string // v2, hybrid or v1
	lsm      string // apparmor, selinux or none
	engines  bool   // whether the root image has container engines
	memoryMB int
	cpus     int
}

// order is what one machine is started for.
type order struct {
	command []string
	share   string
	timeout time.Duration
	verbose bool
}

// kernels are the names of kernels and the suites that they come from.
var kernels = map[string]string{"5.10": "bullseye", "6.1": "bookworm", "6.12": "trixie", "newest": "sid"}

// suites are Debian's, by the systemd version of their root images: 247, 252, 257 and the newest.
var suites = map[string]string{"bullseye": "5.10", "bookworm": "6.1", "trixie": "6.12", "sid": "newest"}

func options(args []string) (machine, order, error) {
	var m machine
	var o order
	flags := flag.NewFlagSet("machine", flag.ContinueOnError)
	flags.StringVar(&m.arch, "arch", runtime.GOARCH, "amd64 or arm64")
	flags.StringVar(&m.suite, "suite", "trixie", "Debian suite of the root image: bullseye, bookworm, trixie or sid")
	flags.StringVar(&m.kernel, "kernel", "", "5.10, 6.1, 6.12 or newest; the suite's own by default")
	flags.StringVar(&m.cgroup, "cgroup", "v2", "how systemd mounts cgroups: v2, hybrid or v1")
	flags.StringVar(&m.lsm, "lsm", "apparmor", "the security module: apparmor, selinux or none")
	flags.BoolVar(&m.engines, "engines", false, "a root image with containerd, Docker and Podman")
	flags.IntVar(&m.memoryMB, "memory", 2048, "MiB of memory")
	flags.IntVar(&m.cpus, "cpus", 2, "how many processors")
	flags.StringVar(&o.share, "share", ".", "the directory that is copied to where the command starts")
	seconds := flags.Int("timeout", 600, "seconds for boot and command, besides those of waiting for a processor")
	flags.BoolVar(&o.verbose, "verbose", false, "show the messages of the kernel, and of building")
	if err := flags.Parse(args); err != nil {
		return m, o, err
	}
	o.command, o.timeout = flags.Args(), time.Duration(*seconds)*time.Second
	if m.kernel == "" {
		m.kernel = suites[m.suite]
	}
	for _, check := range []struct {
		option, value string
		valid         []string
	}{
		{"arch", m.arch, []string{"amd64", "arm64"}},
		{"suite", m.suite, keys(suites)},
		{"kernel", m.kernel, keys(kernels)},
		{"cgroup", m.cgroup, []string{"v2", "hybrid", "v1"}},
		{"lsm", m.lsm, []string{"apparmor", "selinux", "none"}},
	} {
		if !contains(check.valid, check.value) {
			valid := strings.Join(check.valid, ", ")
			return m, o, fmt.Errorf("--%s %q is unknown: it is one of %s", check.option, check.value, valid)
		}
	}
	if m.suite == "sid" && m.cgroup != "v2" {
		return m, o, errors.New("--cgroup must be v2: the newest systemd knows no other")
	}
	return m, o, nil
}

// build makes what the machine needs and the cache lacks.
func (m machine) build() error {
	if err := needs(m.arch); err != nil {
		return err
	}
	if err := buildKernel(m.kernel, m.arch); err != nil {
		return fmt.Errorf("kernel %s: %w", m.kernel, err)
	}
	if err := buildRoot(m.suite, m.arch, m.engines); err != nil {
		return fmt.Errorf("root image of %s: %w", m.suite, err)
	}
	return nil
}

// cache is the directory of what is built.
func cache(elements ...string) string {
	base := os.Getenv("XDG_CACHE_HOME")
	if base == "" {
		base = filepath.Join(os.Getenv("HOME"), ".cache")
	}
	return filepath.Join(append([]string{base, "rt-machines"}, elements...)...)
}
