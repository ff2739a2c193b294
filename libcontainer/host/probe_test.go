package host

import (
	"fmt"
	"math/bits"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// The tests of this package run themselves again as a child where a fact must be another one than here.
func TestMain(m *testing.M) {
	if os.Getenv("RT_TEST_PRINT_FACTS") != "" {
		f := Probe()
		fmt.Printf(
			"userns=%v memfd=%v caps=%d mount=%v symfollow=%v",
			f.UserNS,
			f.Has(MemfdExec),
			bits.OnesCount64(f.Caps),
			f.MayMount,
			f.Has(NoSymfollow),
		)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// factsOf runs this test binary through the command and returns what it prints there.
func factsOf(t *testing.T, command ...string) string {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(command[0], append(command[1:], exe)...)
	cmd.Env = append(os.Environ(), "RT_TEST_PRINT_FACTS=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Skipf("%s: %v: %s", strings.Join(command, " "), err, out)
	}
	return string(out)
}

// procStatus is one line of /proc/thread-self/status.
func procStatus(t *testing.T, key string) string {
	t.Helper()
	b, err := os.ReadFile("/proc/thread-self/status")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if v, ok := strings.CutPrefix(line, key+":"); ok {
			return strings.TrimSpace(v)
		}
	}
	t.Fatalf("no %s in /proc/thread-self/status", key)
	return ""
}

func TestEveryFeatureHasOneRow(t *testing.T) {
	var seen Feature
	for _, p := range features {
		if bits.OnesCount64(uint64(p.feature)) != 1 || seen&p.feature != 0 {
			t.Errorf("%s: feature %#x is no single bit, or has two rows", p.name, p.feature)
		}
		seen |= p.feature
	}
	if want := TmpfsUserXattr<<1 - 1; seen != want {
		t.Errorf("rows for %#x, features are %#x", seen, want)
	}
}

func TestProbeAgreesWithProc(t *testing.T) {
	f := Probe()
	if got, want := fmt.Sprintf("%016x", f.Caps), procStatus(t, "CapPrm"); got != want {
		t.Errorf("Caps %s, /proc says %s", got, want)
	}
	b, err := os.ReadFile("/proc/sys/kernel/cap_last_cap")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := strconv.Itoa(int(f.CapLast)), strings.TrimSpace(string(b)); got != want {
		t.Errorf("CapLast %s, /proc says %s", got, want)
	}
	if int(f.EUID) != os.Geteuid() || int(f.EGID) != os.Getegid() {
		t.Errorf("ids %d:%d", f.EUID, f.EGID)
	}
	noexec, err := os.ReadFile("/proc/sys/vm/memfd_noexec")
	if want := err != nil || noexec[0] != '2'; f.Has(MemfdExec) != want {
		t.Errorf("MemfdExec %v, vm.memfd_noexec is %q", f.Has(MemfdExec), noexec)
	}
}

// Kernels that have a call have all the older ones, so a row that says yes can't stand above an older one that says no.
func TestNewerImpliesOlder(t *testing.T) {
	newest := 0
	for _, p := range append(append([]probe{}, required...), features...) {
		if a := p.ask(); a == Yes && p.feature != MemfdExec {
			newest = max(newest, order(t, p.since))
		}
	}
	if newest == 0 {
		t.Fatal("no row says yes: the probes are broken")
	}
	for _, p := range append(append([]probe{}, required...), features...) {
		if p.ask() == No && order(t, p.since) < newest {
			t.Errorf(
				"%s (Linux %s) is said to be missing on a kernel that has calls of %d.%d",
				p.name,
				p.since,
				newest/100,
				newest%100,
			)
		}
	}
}

// order makes a number of a version, such that a newer one is greater: 612 of "6.12".
func order(t *testing.T, since string) int {
	t.Helper()
	series, release, _ := strings.Cut(since, ".")
	major, err := strconv.Atoi(series)
	minor, err2 := strconv.Atoi(release)
	if err != nil || err2 != nil {
		t.Fatalf("version %q", since)
	}
	return major*100 + minor
}

func TestUserNamespaceIsSeenDespiteAnIdentityMap(t *testing.T) {
	if InUserNS() {
		t.Skip("already in a user namespace")
	}
	if os.Geteuid() != 0 {
		t.Skip("needs root: an identity map of all ids")
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), "RT_TEST_PRINT_FACTS=1")
	all := []syscall.SysProcIDMap{{ContainerID: 0, HostID: 0, Size: 1<<32 - 1}}
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:                 syscall.CLONE_NEWUSER,
		UidMappings:                all,
		GidMappings:                all,
		GidMappingsEnableSetgroups: true,
	}
	b, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, b)
	}
	out := string(b)
	if !strings.Contains(out, "userns=true") {
		t.Errorf("inside: %s", out)
	}
}

// All capabilities in a user namespace are none over the mounts of the one outside, until there is a mount namespace
// too.
func TestMayMountIsAboutTheMountNamespace(t *testing.T) {
	if permitted()&(1<<unix.CAP_SYS_ADMIN) != 0 && !InUserNS() && !mayMount() {
		t.Error("root may mount")
	}
	if out := factsOf(t, "unshare", "--user", "--map-root-user"); !strings.Contains(out, "mount=false") ||
		strings.Contains(out, "caps=0") {
		t.Errorf("in a user namespace: %s", out)
	}
	if out := factsOf(t, "unshare", "--user", "--map-root-user", "--mount"); !strings.Contains(out, "mount=true") {
		t.Errorf("in a user namespace with a mount namespace: %s", out)
	}
}

func TestMemfdIsRefusedByTheSysctl(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: a pid namespace has its own vm.memfd_noexec")
	}
	if _, err := os.Stat("/proc/sys/vm/memfd_noexec"); err != nil {
		t.Skip("this kernel has no vm.memfd_noexec (Linux 6.3)")
	}
	out := factsOf(
		t,
		"unshare",
		"--pid",
		"--fork",
		"--mount",
		"--mount-proc",
		"sh",
		"-c",
		`echo 2 >/proc/sys/vm/memfd_noexec && "$0"`,
	)
	if !strings.Contains(out, "memfd=false") {
		t.Errorf("inside: %s", out)
	}
}

func TestUnprivileged(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, to give it up")
	}
	if processMrelease() != Yes {
		t.Skip("the witness is newer than this kernel")
	}
	dir, err := os.MkdirTemp("/tmp", "rt-host")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("sh", "-c", `chmod 755 "$1" && cp "$0" "$1/probe" && chmod 755 "$1/probe"`, exe, dir).
		CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	got := factsOf(t, "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "sh", "-c", dir+"/probe")
	if got != "userns=false memfd=true caps=0 mount=false symfollow=true" && !InUserNS() {
		t.Errorf("as nobody: %s", got)
	}
}

func TestKnown(t *testing.T) {
	for errno, want := range map[unix.Errno]Answer{unix.EINVAL: Yes, unix.ENOSYS: No, unix.EPERM: Unknown, 0: Unknown} {
		if got := known(errno, unix.EINVAL); got != want {
			t.Errorf("errno %d: %s, want %s", errno, got, want)
		}
	}
}

func TestHas(t *testing.T) {
	f := Facts{Features: MountSetattr | MemfdExec}
	if !f.Has(MountSetattr) || f.Has(CgroupKill) || f.Has(MountSetattr|CgroupKill) {
		t.Errorf("Has is wrong for %#x", f.Features)
	}
}

func BenchmarkProbe(b *testing.B) {
	for b.Loop() {
		Probe()
	}
}

func BenchmarkQuestions(b *testing.B) {
	for name, ask := range map[string]func(){
		"InUserNS": func() { InUserNS() }, "permitted": func() { permitted() }, "capLast": func() { capLast() },
		"appArmor": func() { appArmor() }, "seLinux": func() { seLinux() }, "memfdExec": func() { memfdExec() },
		"sysctl": func() { readLine("/proc/sys/vm/memfd_noexec") }, "noSymfollow": func() { noSymfollow() },
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				ask()
			}
		})
	}
}
