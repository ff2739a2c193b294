// Differential makes random valid bundles and sequences of commands, and runs them with rt and with other runtimes. It
// prints what a container sees under rt and under none of the others, with the config reduced to what the difference
// needs.
//
//	differential -seconds 60                         # rt, and those of runc and crun that are installed
//	differential -seed 17 -cases 1                   # one case again
//	differential -only corpus -peer runc             # what pods, Docker and Podman ask for, compared with runc alone
//	differential -runtime ./rt -peer /opt/runc       # another runtime; -peer may be given more than once
//
// A bundle is the default config and some genes (genes_*.go); a gene changes the config, the image or the caller. A
// probe inside (probe.go) prints what there is to see, a fact a line. A fact that only rt shows, or that all others
// show and rt does not, is a difference; differences that are wanted stand in known.go with their reasons. It takes
// root, busybox-static, and a mount namespace of its own, which it makes.
//
// It ends with status 1 if there were differences, and with 3 if there was nobody to compare with.
package main

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"rt/tests/internal/stage"
)

type words []string

func (w *words) String() string     { return strings.Join(*w, " ") }
func (w *words) Set(s string) error { *w = append(*w, s); return nil }

func main() {
	var peers words
	seconds := flag.Int("seconds", 60, "how long to continue")
	cases := flag.Int("cases", 0, "how many cases at most; 0: as many as there is time for")
	seed := flag.Uint64("seed", uint64(time.Now().UnixNano())%1e9, "the first case; the next ones count from there")
	runtime := flag.String("runtime", "./rt", "rt")
	keep := flag.String("keep", "", "a directory for the reduced bundles of differences")
	verbose := flag.Bool("v", false, "name every case")
	only := flag.String("only", "", "only cases with this kind of genes: namespaces; or corpus: configs of engines")
	corpus := flag.String("corpus", "spec/testdata/corpus", "where -only corpus has its configs from")
	rootless := flag.Bool("rootless", false, "as an ordinary user, with a user namespace")
	cgroup2 := flag.Bool("cgroup2", false, "where nothing but cgroup2 is mounted")
	flag.Var(&peers, "peer", "another runtime (default: runc and crun, if they are installed)")
	flag.Parse()
	if os.Getenv("DIFFERENTIAL_APART") == "" {
		os.Exit(apart())
	}
	if len(peers) == 0 {
		for _, name := range []string{"runc", "crun"} {
			if path, err := exec.LookPath(name); err == nil {
				peers = append(peers, path)
			}
		}
	}
	if len(peers) == 0 {
		fmt.Println("differential: neither runc nor crun is installed: nothing to compare rt with")
		os.Exit(3)
	}
	if !slices.Contains([]string{"", "namespaces", "corpus"}, *only) {
		fmt.Fprintln(os.Stderr, "differential: -only", *only, "is not a kind of genes")
		os.Exit(2)
	}
	for _, path := range peers {
		if _, err := exec.LookPath(path); err != nil {
			fmt.Println("differential: there is nothing to compare rt with:", err)
			os.Exit(3)
		}
	}
	w, err := newWorld(*runtime, peers, *rootless, *cgroup2)
	if err != nil {
		fmt.Fprintln(os.Stderr, "differential:", err)
		os.Exit(1)
	}
	w.keep = *keep
	defer w.close()
	end := time.Now().Add(time.Duration(*seconds) * time.Second)
	done, different := 0, 0
	seen := make(map[string]bool)
	// What differs for the default bundle is told once, and not again for each case.
	w.told = make(map[string]bool)
	for _, c := range []*kase{{}, {sequence: []string{"create", "start", "exec PROBE"}}} {
		if found := w.differences(c); len(found) > 0 {
			different++
			w.tell(0, c, found)
			for _, line := range found {
				w.told[line] = true
			}
		}
	}
	next := func(n uint64) *kase {
		random := rand.New(rand.NewPCG(n, n))
		if *only == "namespaces" {
			return &kase{genes: []gene{newNamespaces(random)}}
		}
		return newCase(random)
	}
	if *only == "corpus" {
		all, err := corpusCases(*corpus)
		if err != nil {
			fmt.Fprintln(os.Stderr, "differential:", err)
			os.Exit(1)
		}
		*seed, *cases = 0, len(all)
		next = func(n uint64) *kase { return all[n] }
	}
	for ; time.Now().Before(end) && (*cases == 0 || done < *cases); done++ {
		n := *seed + uint64(done)
		c := next(n)
		if *verbose {
			fmt.Printf("case %d: %s\n", n, c)
		}
		found := w.differences(c)
		if len(found) == 0 {
			continue
		}
		c = w.reduce(c, found)
		found = w.differences(c)
		key := signature(found)
		if len(found) == 0 || seen[key] {
			continue // it does not come again, or it is one that was told already
		}
		seen[key] = true
		different++
		w.tell(n, c, found)
	}
	fmt.Printf("differential: %d cases from %d against %s, %d differences\n", done, *seed, peers.String(), different)
	w.close()
	if different > 0 {
		os.Exit(1)
	}
}

// apart runs the program again in a mount namespace of its own.
func apart() int {
	// What has leaked into this program is not the case's caller's.
	_ = unix.CloseRange(3, ^uint(0), unix.CLOSE_RANGE_CLOEXEC)
	takeSignals()
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Args[0] = os.Args[0]
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), "DIFFERENTIAL_APART=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		fmt.Fprintln(os.Stderr, "differential: it takes root:", err)
		return 1
	}
	return cmd.ProcessState.ExitCode()
}

// takeSignals gives each signal that this program's caller ignores its default action. A shell ignores SIGINT and
// SIGQUIT for a background job, and a caller that ignores 32 or 33 can't be undone by env(1): the C library keeps both
// for itself.
func takeSignals() {
	const ignore, last = 1, 64
	var action, byDefault [4]uint64 // the kernel's struct sigaction
	for n := uintptr(1); n <= last; n++ {
		_, _, errno := unix.RawSyscall6(unix.SYS_RT_SIGACTION, n, 0, uintptr(unsafe.Pointer(&action)), 8, 0, 0)
		if errno == 0 && action[0] == ignore {
			_, _, _ = unix.RawSyscall6(unix.SYS_RT_SIGACTION, n, uintptr(unsafe.Pointer(&byDefault)), 0, 8, 0, 0)
		}
	}
}

// world is where the cases run.
type world struct {
	dir     string
	keep    string
	user    int // who the runtimes run as, and whose the bundles are
	holders []*holder
	busybox string
	rt      *peer
	peers   []*peer
	config  []byte // the default config
	count   int
	known   []wanted
	told    map[string]bool // facts of the default bundle in which rt is alone
}

// peer is a runtime.
type peer struct{ name, path string }

func newWorld(rt string, others []string, rootless, cgroup2 bool) (*world, error) {
	w := &world{known: known}
	if rootless {
		w.user = ordinaryUser
		w.known = append(slices.Clip(known), knownRootless...)
	}
	var err error
	if w.busybox, err = exec.LookPath("busybox"); err != nil {
		return nil, fmt.Errorf("busybox-static is not installed: %w", err)
	}
	if w.dir, err = os.MkdirTemp("/var/tmp", "differential"); err != nil {
		return nil, err
	}
	if err := os.Chmod(w.dir, 0o755); err != nil {
		return nil, err
	}
	if err := os.Chown(w.dir, w.user, w.user); err != nil {
		return nil, err
	}
	// A copy: what is built meanwhile is another program, and what is in /dev/shm is hidden soon.
	if out, err := exec.Command("cp", rt, w.dir+"/rt").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w: %s", err, out)
	}
	rt = w.dir + "/rt"
	// Shared, as systemd makes it, and with a /dev of our own: crun 1.8 gives the machine's /dev/null to the user of a
	// container whose stdin it is.
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_SLAVE, ""); err != nil {
		return nil, err
	}
	if err := stage.MountDev(); err != nil {
		return nil, err
	}
	if cgroup2 {
		if out, err := exec.Command("sh", "-c",
			"umount -R -l /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup").CombinedOutput(); err != nil {
			return nil, fmt.Errorf("%w: %s", err, out)
		}
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_SHARED, ""); err != nil {
		return nil, err
	}
	if err := w.sources(); err != nil {
		return nil, err
	}
	if err := w.hold(); err != nil {
		return nil, err
	}
	w.rt = &peer{"rt", rt}
	for _, path := range others {
		w.peers = append(w.peers, &peer{filepath.Base(path), path})
		version, _ := exec.Command(path, "--version").Output()
		oldPeers = oldPeers || regexp.MustCompile(`^runc version 1\.[01]|^crun version (0|1\.\d\b)`).Match(version)
	}
	out, err := exec.Command(rt, "spec", "--bundle", w.dir).CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("%s spec: %w: %s", rt, err, out)
	}
	w.config, err = os.ReadFile(w.dir + "/config.json")
	return w, err
}

// sources makes what binds are made of: src/plain, src/file, src/noexec (a tmpfs with flags), src/tree (with mounts
// below).
func (w *world) sources() error {
	for _, dir := range []string{"plain/sub", "noexec", "tree/below"} {
		if err := os.MkdirAll(w.dir+"/src/"+dir, 0o755); err != nil {
			return err
		}
	}
	if err := os.WriteFile(w.dir+"/src/file", []byte("content\n"), 0o640); err != nil {
		return err
	}
	if err := os.Symlink("plain", w.dir+"/src/link"); err != nil {
		return err
	}
	if err := unix.Mount("flags", w.dir+"/src/noexec", "tmpfs",
		unix.MS_NOEXEC|unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOATIME, "size=64k"); err != nil {
		return err
	}
	if err := unix.Mount("below", w.dir+"/src/tree/below", "tmpfs", unix.MS_NOSUID, "size=64k"); err != nil {
		return err
	}
	return w.makeShm()
}

func (w *world) close() {
	_ = os.Chdir("/")
	for _, h := range w.holders {
		h.end()
	}
	w.holders = nil
	for _, m := range []string{"noexec", "tree/below", "shm"} {
		_ = unix.Unmount(w.dir+"/src/"+m, unix.MNT_DETACH)
	}
	_ = os.RemoveAll(w.dir)
}
