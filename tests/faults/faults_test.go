// Package faults holds rt to a number of page faults.
//
// A page fault takes longer than to compute the content of the page, so their number is most of the cost of a start of
// rt apart from the system calls; and unlike milliseconds it hardly depends on the load of the machine. It grows with
// packages that are initialised at every start, memory that is allocated and not needed, and goroutines.
package faults

import (
	"encoding/binary"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	_ "rt/cli" // so that go test does not take yesterday's result for that of another rt
)

// The most page faults of a command, with all its children: a little above what rt has on Linux 6.18, amd64, where the
// Go runtime makes the most threads: 148 to 168 of --version. `make bench` compares them with those of others. A change
// that makes rt cheaper lowers them.
const (
	ofVersion = 175
	ofRun     = 245
)

// size is the most bytes that the executable may have: decision 32.
const size = 8_000_000

// TestSize holds the size of the executable, and the packages in it: decision 32.
func TestSize(t *testing.T) {
	st, err := os.Stat(build(t))
	must(t, err)
	t.Logf("%d bytes, of %d", st.Size(), size)
	if runtime.GOARCH == "amd64" && st.Size() > size {
		t.Errorf("%d bytes, want at most %d", st.Size(), size)
	}
	out, err := exec.Command("go", "list", "-deps", "-tags", "urfave_cli_no_template", "rt").Output()
	must(t, err)
	linked := strings.Fields(string(out))
	if !slices.Contains(linked, "rt/cli") {
		t.Fatalf("these are not rt's packages: %v", linked)
	}
	for _, dear := range []string{
		"crypto", "crypto/rand", "net/http", "text/template", "html/template",
		"google.golang.org/protobuf/proto",
	} {
		if slices.Contains(linked, dear) {
			t.Errorf("%s is linked into every command", dear)
		}
	}
}

// build returns an executable as make builds it.
func build(t *testing.T) string {
	t.Helper()
	rt := filepath.Join(t.TempDir(), "rt")
	if out, err := exec.Command("make", "-s", "-C", "../..", "rt", "RT="+rt).CombinedOutput(); err != nil {
		t.Fatalf("make: %v\n%s", err, out)
	}
	return rt
}

func TestPageFaults(t *testing.T) {
	rt := build(t)
	t.Run("version", func(t *testing.T) {
		require(t, ofVersion, func(int) *exec.Cmd { return exec.Command(rt, "--version") })
	})
	t.Run("run", func(t *testing.T) {
		busybox, err := os.ReadFile("/bin/busybox")
		if os.Geteuid() != 0 || err != nil {
			t.Skip("needs root, and busybox-static for a root file system")
		}
		bundle, state := t.TempDir(), t.TempDir()
		makeBundle(t, rt, bundle, busybox)
		require(t, ofRun, func(i int) *exec.Cmd {
			return exec.Command(rt, "--root", state, "run", "--bundle", bundle, "faults-"+strconv.Itoa(os.Getpid()+i))
		})
	})
}

// TestProcessors: a start of rt costs the same on a host with many processors. The Go runtime makes room for each, and
// the variable by which this test asks for them is left alone by rt's entry: decision 41.
func TestProcessors(t *testing.T) {
	rt := build(t)
	with := func(variable string) uint64 {
		return least(t, func(int) *exec.Cmd {
			c := exec.Command(rt, "--version")
			c.Env = append(os.Environ(), variable)
			return c
		})
	}
	few, one, many := with("UNUSED=1"), with("GOMAXPROCS=1"), with("GOMAXPROCS=128")
	t.Logf("%d page faults, %d for one processor, %d for 128", few, one, many)
	if many < few+128 {
		t.Errorf("%d page faults, %d for 128 processors: does entry leave the variable alone?", few, many)
	}
	// Two processors cost 8 more than one; the numbers vary by 1. A host with one processor can't show the difference.
	if few > one+4 {
		t.Errorf("%d page faults, %d for one processor: is entry linked?", few, one)
	}
}

// makeBundle makes a bundle with the default config, whose program is true.
func makeBundle(t *testing.T, rt, bundle string, busybox []byte) {
	bin := filepath.Join(bundle, "rootfs/bin")
	must(t, os.MkdirAll(bin, 0o755))
	must(t, os.WriteFile(filepath.Join(bin, "busybox"), busybox, 0o755))
	must(t, os.Symlink("busybox", filepath.Join(bin, "true")))
	must(t, exec.Command(rt, "spec", "--bundle", bundle).Run())
	path := filepath.Join(bundle, "config.json")
	text, err := os.ReadFile(path)
	must(t, err)
	var config map[string]any
	must(t, json.Unmarshal(text, &config))
	process := config["process"].(map[string]any)
	process["args"], process["terminal"] = []string{"/bin/true"}, false
	text, err = json.Marshal(config)
	must(t, err)
	must(t, os.WriteFile(path, text, 0o644))
}

// require fails if a command takes more than limit page faults in the best of some rounds.
func require(t *testing.T, limit uint64, command func(i int) *exec.Cmd) {
	t.Helper()
	n := least(t, command)
	t.Logf("%d page faults, of %d", n, limit)
	if n > limit {
		t.Errorf("%d page faults, want at most %d", n, limit)
	}
}

// least returns the page faults of a command in the best of some rounds: how many threads the Go runtime starts, each
// with a stack, depends on chance.
func least(t *testing.T, command func(i int) *exec.Cmd) uint64 {
	t.Helper()
	const rounds = 15
	var least uint64
	for i := range rounds {
		if n := count(t, command(i)); i == 0 || n < least {
			least = n
		}
	}
	return least
}

// count runs a command, and returns the page faults that it and its children cause. Unlike getrusage(2), this does not
// count pages that madvise(2) maps.
func count(t *testing.T, c *exec.Cmd) uint64 {
	t.Helper()
	// A counter of this thread, which begins to count in children that execute a program.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	attr := unix.PerfEventAttr{
		Type: unix.PERF_TYPE_SOFTWARE, Config: unix.PERF_COUNT_SW_PAGE_FAULTS,
		Bits: unix.PerfBitDisabled | unix.PerfBitInherit | unix.PerfBitEnableOnExec,
	}
	attr.Size = uint32(unsafe.Sizeof(attr))
	fd, err := unix.PerfEventOpen(&attr, 0, -1, -1, unix.PERF_FLAG_FD_CLOEXEC)
	if err != nil {
		t.Skipf("page faults can't be counted: perf_event_open(2): %v", err)
	}
	defer unix.Close(fd)
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", c, err, out)
	}
	var n [8]byte
	if _, err := unix.Read(fd, n[:]); err != nil {
		t.Fatal(err)
	}
	return binary.NativeEndian.Uint64(n[:])
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
