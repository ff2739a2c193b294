package cgroup

import (
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"rt/libcontainer/host"

	"github.com/opencontainers/cgroups"
	devices "github.com/opencontainers/cgroups/devices/config"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// These tests hold our device filters against those of github.com/opencontainers/cgroups (decision record 0022), which
// it makes with github.com/cilium/ebpf: rt itself needs neither. tests/devicefilter/run runs them.

// theirRule is a rule as the library has it.
func theirRule(r rule) *devices.Rule {
	var perms strings.Builder
	for i, a := range []access{read, write, mknod} {
		if r.access&a != 0 {
			perms.WriteByte("rwm"[i])
		}
	}
	return &devices.Rule{
		Type:        devices.Type(r.kind),
		Major:       r.major,
		Minor:       r.minor,
		Permissions: devices.Permissions(perms.String()),
		Allow:       r.allow,
	}
}

// setTheirs gives the cgroup dir the library's filter.
func setTheirs(dir string, rules []rule) error {
	r := &cgroups.Resources{}
	for _, x := range rules {
		r.Devices = append(r.Devices, theirRule(x))
	}
	return cgroups.DevicesSetV2(dir, r)
}

// newV2 is a cgroup of its own on cgroup2, wherever that is mounted.
func newV2(t *testing.T, name string) string {
	t.Helper()
	base := root
	if Mode() == host.CgroupHybrid {
		base += "/unified"
	}
	dir := filepath.Join(base, "rt-theirs-"+strconv.Itoa(os.Getpid())+"-"+name)
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := removeTree(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// setOurs gives the cgroup dir our filter in place of the one before.
func setOurs(t *testing.T, dir string, rules []rule) {
	t.Helper()
	fd, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd) //nolint:errcheck // nothing was written
	old, err := filtersAt(fd)
	if err != nil {
		t.Fatal(err)
	}
	if err := attachFilter(fd, deviceFilter(rules)); err != nil {
		t.Fatal(err)
	}
	for _, id := range old {
		if err := detachFilter(fd, id); err != nil {
			t.Fatal(err)
		}
	}
}

// questions are what the process in the cgroup asks, of numbers that no driver has: major 60 to 63 are for local use
// (devices.txt).
func questions() (list []question) {
	for _, kind := range []byte("bc") {
		for _, major := range []int64{60, 61, 62} {
			for minor := range int64(3) {
				for a := access(1); a <= allAccess; a++ {
					if a&mknod != 0 && a != mknod {
						continue // no system call asks for both
					}
					list = append(list, question{kind, a, major, minor})
				}
			}
		}
	}
	return list
}

// ask asks the kernel, in a process that stands in the cgroup; an answer for each question, 1 or 0.
func ask(t *testing.T, dir, nodes string) string {
	t.Helper()
	fd, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd) //nolint:errcheck // nothing was written
	c := exec.Command(os.Args[0], "-test.run", "^TestAnswer$")
	c.Env = append(os.Environ(), "RT_TEST_NODES="+nodes)
	c.SysProcAttr = &unix.SysProcAttr{UseCgroupFD: true, CgroupFD: fd}
	out, err := c.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	answers, _, _ := strings.Cut(string(out), "\n")
	return answers
}

// TestAnswer is the process in the cgroup.
func TestAnswer(t *testing.T) {
	dir := os.Getenv("RT_TEST_NODES")
	if dir == "" {
		t.Skip("SKIP: it is run by the others")
	}
	var answers strings.Builder
	for _, q := range questions() {
		name := nodeName(dir, q)
		var err error
		if q.access == mknod {
			err = unix.Mknod(name+"-new", nodeMode(q.kind), int(unix.Mkdev(uint32(q.major), uint32(q.minor))))
			_ = unix.Unlink(name + "-new")
		} else {
			flags := map[access]int{read: unix.O_RDONLY, write: unix.O_WRONLY, read | write: unix.O_RDWR}[q.access]
			_, err = unix.Open(name, flags|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
		}
		// What is let through finds no driver: ENXIO.
		if err == unix.EPERM {
			answers.WriteByte('0')
		} else {
			answers.WriteByte('1')
		}
	}
	_, _ = os.Stdout.WriteString(answers.String() + "\n")
}

func nodeName(dir string, q question) string {
	return dir + "/" + string(q.kind) + strconv.FormatInt(q.major, 10) + "-" + strconv.FormatInt(q.minor, 10)
}

func nodeMode(kind byte) uint32 {
	if kind == 'b' {
		return unix.S_IFBLK | 0o600
	}
	return unix.S_IFCHR | 0o600
}

// TestAgainstTheirs has both programs decide about the same accesses, in the kernel. Ours must say what the rules say.
// Theirs must say the same, but where more than one rule speaks of the device, since it forgets their order as v1 does,
// and about opening for reading and writing at once.
func TestAgainstTheirs(t *testing.T) {
	needRights(t)
	nodes := makeNodes(t)
	ours, theirs := newV2(t, "ours"), newV2(t, "theirs")
	r := rand.New(rand.NewPCG(5, 6)) //nolint:gosec // a test must fail again
	refused, alike, ordered, both := 0, 0, 0, 0
	for range 150 {
		rules := randomRules(r)
		for i := 1; i < len(rules); i++ {
			if rules[i].major >= 0 {
				rules[i].major += 60
			}
			rules[i].minor = min(rules[i].minor, 3)
		}
		if err := setTheirs(theirs, rules); err != nil {
			refused++ // a part taken from a range: the library can't say it, see inexpressible
			continue
		}
		setOurs(t, ours, rules)
		a, b := ask(t, ours, nodes), ask(t, theirs, nodes)
		for i, q := range questions() {
			if a[i] == '1' != allowed(rules, q) {
				t.Fatalf("%v about %+v: the kernel says %c", rules, q, a[i])
			}
			speak := 0
			for _, x := range rules[1:] {
				if x.kind == q.kind && (x.major == anyNumber || x.major == q.major) &&
					(x.minor == anyNumber || x.minor == q.minor) {
					speak++
				}
			}
			switch {
			case a[i] == b[i]:
				alike++
			case speak > 1:
				ordered++
			case q.access == read|write:
				both++
			default:
				t.Errorf("%v about %+v: ours says %c, theirs %c", rules, q, a[i], b[i])
			}
		}
	}
	t.Logf("%d answers alike, %d not for the order of rules, %d for reading and writing at once; theirs refused %d "+
		"lists", alike, ordered, both, refused)
	if alike < 5000 {
		t.Error("too few are alike: the test shows nothing")
	}
}

// makeNodes makes the devices that the questions are about.
func makeNodes(t *testing.T) string {
	t.Helper()
	nodes := t.TempDir()
	for _, q := range questions() {
		err := unix.Mknod(nodeName(nodes, q), nodeMode(q.kind), int(unix.Mkdev(uint32(q.major), uint32(q.minor))))
		if err != nil && err != unix.EEXIST {
			t.Skipf("SKIP: no nodes can be made: %v", err)
		}
	}
	return nodes
}

// TestDenyWriteHolds is the difference that matters: what may be read and not written must not be opened for both.
func TestDenyWriteHolds(t *testing.T) {
	needRights(t)
	nodes := makeNodes(t)
	rules, err := rulesOf(
		[]specs.LinuxDeviceCgroup{
			{Allow: true, Access: "rwm"},
			{Type: "c", Major: new(int64(60)), Minor: new(int64(0)), Access: "w"},
		},
	)
	if err != nil {
		t.Fatal(err)
	}
	rules = rules[:2]
	ours, theirs := newV2(t, "ours"), newV2(t, "theirs")
	setOurs(t, ours, rules)
	if err := setTheirs(theirs, rules); err != nil {
		t.Fatal(err)
	}
	a, b := ask(t, ours, nodes), ask(t, theirs, nodes)
	for i, q := range questions() {
		if q == (question{'c', read | write, 60, 0}) {
			t.Logf("open for both of a device that may not be written: ours says %c, theirs %c", a[i], b[i])
			if a[i] != '0' {
				t.Error("ours lets it through")
			}
		}
	}
}

// TestTheirTime measures what a create pays: from the rules to the attached filter, the first time in a process and the
// best of a hundred.
func TestTheirTime(t *testing.T) {
	needRights(t)
	rules, err := rulesOf([]specs.LinuxDeviceCgroup{{Access: "rwm"}})
	if err != nil {
		t.Fatal(err)
	}
	ours, theirs := newV2(t, "ours"), newV2(t, "theirs")
	for _, who := range []struct {
		name string
		set  func() error
	}{
		{"ours", func() error { setOurs(t, ours, rules); return nil }},
		{"theirs", func() error { return setTheirs(theirs, rules) }},
	} {
		var first, best time.Duration
		for i := range 100 {
			start := time.Now()
			if err := who.set(); err != nil {
				t.Fatal(err)
			}
			took := time.Since(start)
			if i == 0 {
				first, best = took, took
			}
			best = min(best, took)
		}
		t.Logf("%s: first %v, best %v; %d instructions of ours", who.name, first, best, len(deviceFilter(rules)))
	}
}
