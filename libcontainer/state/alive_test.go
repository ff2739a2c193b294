package state

import (
	"bufio"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
)

func TestAlive(t *testing.T) {
	me := os.Getpid()
	start, err := StartTime(me)
	if err != nil || start == 0 {
		t.Fatalf("%d, %v", start, err)
	}
	if !lives(t, me, start) {
		t.Error("this process is not alive")
	}
	if lives(t, me, start+1) {
		t.Error("another start time is another process")
	}
	for _, pid := range []int{0, -1, 1<<22 + 1} { // PID_MAX_LIMIT is 2^22
		if lives(t, pid, start) || lives(t, pid, 0) {
			t.Errorf("pid %d is alive", pid)
		}
	}
}

// lives is Alive, which has to find out.
func lives(t *testing.T, pid int, start uint64) bool {
	t.Helper()
	alive, err := Alive(pid, start)
	if err != nil {
		t.Fatal(err)
	}
	return alive
}

// A process that can't be looked at, because no descriptor is left, is neither alive nor dead: a `rt delete` that took
// it for dead would leave it behind.
func TestAliveWithoutDescriptors(t *testing.T) {
	start, err := StartTime(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	var old unix.Rlimit
	must(unix.Getrlimit(unix.RLIMIT_NOFILE, &old))
	must(unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 0, Max: old.Max}))
	alive, err := Alive(os.Getpid(), start)
	must(unix.Setrlimit(unix.RLIMIT_NOFILE, &old))
	if alive || !diag.Starved(err) {
		t.Errorf("%v, %v", alive, err)
	}
}

func TestZombieIsDead(t *testing.T) {
	cmd := exec.Command("/bin/cat")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	start, err := StartTime(cmd.Process.Pid)
	if err != nil || !lives(t, cmd.Process.Pid, start) {
		t.Fatalf("not alive while it runs: %v", err)
	}
	_ = in.Close()
	// WNOWAIT: it has ended and is still there.
	if err := unix.Waitid(unix.P_PID, cmd.Process.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil); err != nil {
		t.Fatal(err)
	}
	if s, err := StartTime(cmd.Process.Pid); err != nil || s != start {
		t.Fatalf("no zombie to look at: %v", err)
	}
	if lives(t, cmd.Process.Pid, start) {
		t.Error("a zombie is alive")
	}
	_ = cmd.Wait()
	if lives(t, cmd.Process.Pid, start) {
		t.Error("alive after wait")
	}
}

func TestProcessOutlivesItsFirstThread(t *testing.T) {
	cmd := child(t, "leader", t.TempDir())
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || strings.TrimSpace(line) != strconv.Itoa(cmd.Process.Pid) {
		t.Fatalf("%q, %v", line, err)
	}
	for range 200 {
		p, err := readStat(cmd.Process.Pid)
		if err != nil {
			t.Fatal(err)
		}
		if p.state == 'Z' {
			if !lives(t, cmd.Process.Pid, p.start) {
				t.Error("its other threads count for nothing")
			}
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("the first thread has not ended")
}

func TestParseStat(t *testing.T) {
	const tail = " 5 1 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 9 0 777 1 1 18446744073709551615 0 0"
	for text, want := range map[string]process{
		"12 (cat) S" + tail:            {'S', 5, 4194560, 9, 777},
		"12 (a) Z 1 (b) c) R" + tail:   {'R', 5, 4194560, 9, 777},
		"12 (two\nlines ) x) T" + tail: {'T', 5, 4194560, 9, 777},
	} {
		if got, ok := parseStat([]byte(text)); !ok || got != want {
			t.Errorf("%q: got %+v, %v", text, got, ok)
		}
	}
	for _, text := range []string{"", "12", "12 (cat", "12 (cat) S 1 2 3", "12 (cat) S" +
		strings.Replace(tail, "777", "x", 1)} {
		if got, ok := parseStat([]byte(text)); ok {
			t.Errorf("%q: got %+v", text, got)
		}
	}
}

// TestReadStatLeavesTheHeapAlone holds what a `list` of many containers pays for each: the buffer is on the stack.
func TestReadStatLeavesTheHeapAlone(t *testing.T) {
	const calls = 1000
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range calls {
		if _, err := readStat(os.Getpid()); err != nil {
			t.Fatal(err)
		}
	}
	runtime.ReadMemStats(&after)
	if got := (after.TotalAlloc - before.TotalAlloc) / calls; got > 100 {
		t.Errorf("%d bytes for each process, more than its path", got)
	}
}

// child is this binary as another process, see children.
func child(t *testing.T, what, root string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), "RT_TEST_CHILD="+what, "RT_TEST_ROOT="+root)
	cmd.Stderr = os.Stderr
	return cmd
}
