package supervise

import (
	"encoding/binary"
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/libcontainer/plan"
	"rt/nsenter"
)

// The steps of the tests: a process makes another one, which continues.
const (
	stepName   = iota // fails with EIO, or continues
	stepClone         // the first process continues with the next step, the second with stepWait
	stepBorn          // tells the pid
	stepExit          //
	stepWait          //
	stepSkip          // ENOENT leads to stepReady
	stepDir           // passes a directory
	stepTrace         // traces
	stepReady         // waits for an answer
	stepAnswer        //
	stepExec          //
	stepLast          // never reached: the exec has succeeded
)

func steps() []nsenter.Step {
	s := make([]nsenter.Step, stepLast+1)
	for i := range s {
		s[i] = nsenter.Step{Call: nsenter.Getpid, Number: int32(i + 1), Sentence: "do it"}
	}
	s[stepClone].Call, s[stepClone].Min = nsenter.Clone3, 1
	s[stepClone].Errnos, s[stepClone].Else = nsenter.ErrnosOf(nsenter.Short), stepWait
	s[stepBorn].Sync = &nsenter.SyncDetail{Point: plan.SyncCloned}
	s[stepExit].Call = nsenter.ExitGroup
	s[stepWait].Min = 1
	s[stepSkip].Errnos, s[stepSkip].Else = nsenter.ErrnosOf(unix.ENOENT), stepReady
	s[stepDir].Sync = &nsenter.SyncDetail{Point: plan.SyncCopyFrom}
	s[stepTrace].Call, s[stepTrace].Args = nsenter.Writev, []nsenter.Arg{nsenter.TraceOf(nsenter.Nowhere)}
	s[stepReady].Sync = &nsenter.SyncDetail{Point: plan.SyncReady}
	s[stepAnswer].Call, s[stepAnswer].Min = nsenter.Read, 1
	s[stepExec].Call = nsenter.Execve
	s[stepLast].Sync = &nsenter.SyncDetail{Point: plan.SyncHooks}
	return s
}

// peer is who has got hold of the boot process's end of the channel.
type peer struct {
	t      testing.TB
	fd     int
	served []plan.SyncPoint
	killed int
	*Session
}

func newPeer(t testing.TB) *peer {
	t.Helper()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	p := &peer{t: t, fd: pair[1]}
	p.Session = &Session{Boot: nsenter.NewBoot(pair[0], 0), Steps: steps(), Kill: func() { p.killed++ }}
	for _, point := range [...]plan.SyncPoint{plan.SyncCloned, plan.SyncCopyFrom, plan.SyncReady} {
		p.Handlers[point] = func(r Report) error {
			p.served = append(p.served, point)
			if r.FD >= 0 {
				_ = unix.Close(r.FD)
			}
			return nil
		}
	}
	t.Cleanup(func() {
		p.Boot.Close()
		_ = unix.Close(p.fd)
	})
	return p
}

// message is what a peer sends.
type message struct {
	bytes []byte
	fds   []int
}

func (p *peer) send(messages ...message) {
	for _, m := range messages {
		var control []byte
		if len(m.fds) > 0 {
			control = unix.UnixRights(m.fds...)
		}
		// Full, it will do.
		_ = unix.Sendmsg(p.fd, m.bytes, control, nil, unix.MSG_NOSIGNAL|unix.MSG_DONTWAIT)
	}
}

func report(kind nsenter.Kind, step int, value int64, fds ...int) message {
	b := binary.NativeEndian.AppendUint32(nil, uint32(kind))
	b = binary.NativeEndian.AppendUint32(b, uint32(step))
	b = binary.NativeEndian.AppendUint64(b, uint64(value))
	if kind == nsenter.Trace {
		b = append(b, make([]byte, 32)...)
	}
	return message{b, fds}
}

func failed(step int, value int64) message { return report(nsenter.Failed, step, value) }
func synced(step int, value int64, fds ...int) message {
	return report(nsenter.Sync, step, value, fds...)
}

// child starts a process that can stand in for the boot process.
func child(t testing.TB) int {
	t.Helper()
	cmd := exec.Command("sleep", "100")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return cmd.Process.Pid
}

// TestPlanIsServed sends what the plan sends.
func TestPlanIsServed(t *testing.T) {
	dir, err := os.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	first, second := exec.Command("sleep", "100"), child(t)
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	p := newPeer(t)
	p.Boot.Pid = first.Process.Pid // taken for the first process, it is waited for
	_ = first.Process.Kill()
	traces := 0
	p.send(
		synced(stepBorn, int64(second)),
		synced(stepDir, 0, int(dir.Fd())),
		report(nsenter.Trace, stepTrace, -2),
		synced(stepReady, 0),
	)
	if err := p.Serve(plan.SyncReady); err != nil {
		t.Fatal(err)
	}
	if want := []plan.SyncPoint{plan.SyncCloned, plan.SyncCopyFrom}; !slices.Equal(p.served, want) || traces != 0 {
		t.Errorf("served %v, want %v", p.served, want)
	}
	if p.Boot.Pid != second {
		t.Errorf("the boot process is %d, want %d", p.Boot.Pid, second)
	}
	if err := syscall.Kill(first.Process.Pid, 0); err != syscall.ESRCH {
		t.Errorf("the first process is still there: %v", err)
	}
	p.send(failed(stepExec, -int64(unix.ENOENT)))
	var f *Failure
	if err := p.Serve(plan.SyncNone); !errors.As(err, &f) || f.Index != stepExec || f.Result != -int64(unix.ENOENT) {
		t.Errorf("a failure is %v", err)
	}
}

// TestSecondProcessReportsFirst has the two processes report in the other order.
func TestSecondProcessReportsFirst(t *testing.T) {
	e := newExpected(steps())
	for _, r := range []struct {
		step int
		want bool
	}{{stepReady, true}, {stepReady, false}, {stepDir, false}, {stepBorn, true}, {stepBorn, false}} {
		if got := e.accept(r.step, false); got != r.want {
			t.Errorf("step %d: %v", r.step, got)
		}
	}
	if e = newExpected(steps()); !e.accept(stepAnswer-1, false) || e.accept(stepLast, false) {
		t.Error("what follows a program that was executed is accepted")
	}
}

// TestHostilePeer sends what no plan sends.
func TestHostilePeer(t *testing.T) {
	otherUser, own := int64(1), int64(os.Getpid())
	null, err := os.OpenFile("/dev/null", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	fd := int(null.Fd())
	dir, err := os.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	ready := synced(stepReady, 0)
	tests := map[string][]message{
		"an index behind the end":        {failed(stepLast+1, -int64(unix.EIO))},
		"the largest index":              {failed(-1, -int64(unix.EIO))},
		"a success as a failure":         {failed(stepName, 7)},
		"an errno that there is not":     {failed(stepName, -4096)},
		"an errno that is no failure":    {failed(stepSkip, -int64(unix.ENOENT))},
		"a failure of a step gone by":    {ready, failed(stepName, -int64(unix.EIO))},
		"a failure after the program":    {failed(stepLast, -int64(unix.EIO))},
		"a sync point of a step of none": {synced(stepName, 0)},
		"a trace of a step of none":      {report(nsenter.Trace, stepName, 0)},
		"a sync point as a trace":        {report(nsenter.Trace, stepReady, 0)},
		"a sync point twice":             {synced(stepDir, 0, int(dir.Fd())), synced(stepDir, 0, int(dir.Fd()))},
		"the wrong order":                {ready, synced(stepDir, 0, int(dir.Fd()))},
		"a sync point after the program": {synced(stepLast, 0)},
		"a pid of another user":          {synced(stepBorn, otherUser)},
		"our own pid":                    {synced(stepBorn, own)},
		"no pid":                         {synced(stepBorn, 0)},
		"a negative pid":                 {synced(stepBorn, -1)},
		"a pid of 64 bits":               {synced(stepBorn, 1<<32|1)},
		"no directory":                   {synced(stepDir, 0)},
		"a device as a directory":        {synced(stepDir, 0, fd)},
		"two descriptors":                {synced(stepDir, 0, int(dir.Fd()), int(dir.Fd()))},
		"a hundred descriptors":          {synced(stepDir, 0, slices.Repeat([]int{fd}, 100)...)},
		"a descriptor that nobody wants": {synced(stepReady, 0, fd)},
		"a descriptor with a failure":    {report(nsenter.Failed, stepName, -int64(unix.EIO), fd)},
		"a part of a report":             {{bytes: ready.bytes[:12]}},
		"one byte":                       {{bytes: []byte{2}}},
		"more than a report":             {{bytes: append(slices.Clone(ready.bytes), 0)}},
		"a sync point with times":        {{bytes: append(slices.Clone(ready.bytes), make([]byte, 32)...)}},
		"more than a trace":              {{bytes: append(report(nsenter.Trace, stepTrace, 0).bytes, 0)}},
		"an unknown kind":                {report(9, stepName, 0)},
		"only a descriptor":              {{bytes: []byte{0}, fds: []int{fd}}},
	}
	for name, messages := range tests {
		t.Run(name, func(t *testing.T) {
			before := descriptors(t)
			p := newPeer(t)
			p.send(messages...)
			err := p.Serve(plan.SyncNone)
			var e *diag.Error
			if !errors.As(err, &e) || !strings.HasPrefix(e.Problem, "the boot process has sent") {
				t.Fatalf("taken for %v", err)
			}
			if p.killed != 1 {
				t.Errorf("killed %d times", p.killed)
			}
			_ = unix.Close(p.fd)
			p.fd = -1
			if after := descriptors(t); after != before {
				t.Errorf("%d descriptors before and %d after", before, after)
			}
		})
	}
}

// TestHostilePid has a false pid and examines whom it was taken for.
func TestHostilePid(t *testing.T) {
	victim := exec.Command("sh", "-c", "sleep 100 & echo $!; wait")
	out, err := victim.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := victim.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = victim.Process.Kill()
		_ = victim.Wait()
	}()
	var line [16]byte
	n, _ := out.Read(line[:])
	pid := 0
	for _, c := range line[:max(n-1, 0)] {
		pid = 10*pid + int(c-'0')
	}
	p := newPeer(t)
	p.Kill = nil
	p.send(synced(stepBorn, int64(pid)))
	if err := p.Serve(plan.SyncNone); err == nil || len(p.served) != 0 {
		t.Errorf("a process that is no child is accepted: %v", err)
	}
	p.End()
	if err := syscall.Kill(pid, 0); err != nil {
		t.Fatalf("the process that was named: %v", err)
	}
	_ = syscall.Kill(pid, syscall.SIGKILL)
}

// TestFirstProcessStays has a first process that does not end when it should: both are killed.
func TestFirstProcessStays(t *testing.T) {
	before := endLimit
	endLimit = 10 * time.Millisecond
	defer func() { endLimit = before }()
	for _, traits := range []Traits{0, SamePrivileges} {
		firstProcessStays(t, traits)
	}
}

func firstProcessStays(t *testing.T, traits Traits) {
	t.Helper()
	p := newPeer(t)
	p.Kill, p.Traits = nil, traits
	first, second := child(t), child(t)
	p.Boot.Pid = first
	p.send(synced(stepBorn, int64(second)))
	if err := p.Serve(plan.SyncNone); err == nil || !strings.Contains(err.Error(), "does not end") ||
		len(p.served) > 0 != (traits == SamePrivileges) {
		t.Errorf("error %v, served %v", err, p.served)
	}
	for _, pid := range [...]int{first, second} {
		if err := syscall.Kill(pid, 0); err != syscall.ESRCH {
			t.Errorf("a process is left: %v", err)
		}
	}
}

// TestNobodyServes has a sync point without a handler, which must not let the process continue.
func TestNobodyServes(t *testing.T) {
	p := newPeer(t)
	p.Handlers[plan.SyncReady] = nil
	p.send(synced(stepReady, 0))
	if err := p.Serve(plan.SyncNone); err == nil || !strings.Contains(err.Error(), "has no handler") || p.killed != 1 {
		t.Errorf("error %v, killed %d times", err, p.killed)
	}
	var b [1]byte
	if n, _ := unix.Read(p.fd, b[:]); n != 0 {
		t.Error("the process was released")
	}
}

// TestEndBeforeReady has a channel that is closed too early, and one that is closed in time.
func TestEndBeforeReady(t *testing.T) {
	for last, want := range map[plan.SyncPoint]error{plan.SyncReady: ErrEnded, plan.SyncNone: nil} {
		p := newPeer(t)
		_ = unix.Close(p.fd)
		p.fd = -1
		if err := p.Serve(last); !errors.Is(err, want) {
			t.Errorf("until %q: %v", last, err)
		}
	}
}

// FuzzReports sends arbitrary messages: a byte for the length of each message, one for the number of descriptors, then
// the message.
func FuzzReports(f *testing.F) {
	for _, m := range []message{
		failed(stepName, -5), synced(stepReady, 0), synced(stepBorn, 1),
		report(nsenter.Trace, stepTrace, 0),
	} {
		f.Add(append([]byte{byte(len(m.bytes)), 0}, m.bytes...))
		f.Add(append([]byte{byte(len(m.bytes)), 3}, m.bytes...))
	}
	null, err := os.Open("/dev/null")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p := newPeer(t)
		for len(data) >= 2 {
			n := min(int(data[0]), len(data)-2)
			p.send(message{data[2 : 2+n], slices.Repeat([]int{int(null.Fd())}, int(data[1]%16))})
			data = data[2+n:]
		}
		_ = unix.Shutdown(p.fd, unix.SHUT_WR)
		_ = p.Serve(plan.SyncNone)
		if slices.Contains(p.served, plan.SyncCloned) || slices.Contains(p.served, plan.SyncCopyFrom) {
			t.Errorf("served %v without a pid of a child or a directory", p.served)
		}
		if n := len(p.served); n > 1 {
			t.Errorf("served %v: a point was served twice", p.served)
		}
	})
}

// descriptors counts the open descriptors of this process.
func descriptors(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}
