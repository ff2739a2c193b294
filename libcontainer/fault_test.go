package libcontainer

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/libcontainer/plan"
	"rt/libcontainer/state"
	"rt/nsenter"
)

// TestEveryStepFails fails every step of plans that have a bit of everything, one after the other and in several ways,
// and examines what rt reports and what is left.
func TestEveryStepFails(t *testing.T) {
	if apart(t) {
		testFaults(t, 1)
	}
}

// TestEveryStepFailsOnCgroup2 does the same where the container is born in its cgroup.
func TestEveryStepFailsOnCgroup2(t *testing.T) {
	if apartOnCgroup2(t) {
		testFaults(t, 4)
	}
}

// testFaults fails the first steps, those that make the processes, and the last, those from the ready step on, and
// every stride-th between them; of those that an earlier plan had too, every fourth. RT_EVERY_STEP=1 fails those as
// well.
func testFaults(t *testing.T, stride int) {
	users := map[string]func(t *testing.T, config map[string]any, bundle string){
		"host's users": func(_ *testing.T, config map[string]any, _ string) {
			config["root"].(map[string]any)["readonly"] = false // and the working directory has to be made
		},
		"own users": func(t *testing.T, config map[string]any, bundle string) {
			must(t, os.MkdirAll(bundle+"/rootfs/var/lib", 0o755))
			userNamespace(t, config, bundle, 100000)
		},
	}
	failed := map[string]bool{}
	for _, u := range []string{"host's users", "own users"} {
		bundle := newBundle(t, nil)
		writeConfig(t, bundle, func(config map[string]any) {
			faultConfig(config, bundle)
			users[u](t, config, bundle)
		})
		for _, wait := range []bool{false, true} {
			name := u + ", run"
			if wait {
				name = u + ", create and start"
			}
			t.Run(name, func(t *testing.T) {
				f := faults{
					t: t, bundle: bundle, wait: wait, root: filepath.Join(t.TempDir(), "root"), stride: stride,
					failed: failed,
				}
				f.all()
			})
		}
	}
}

// faultConfig adds to the default config what has steps of its own. Two of the hooks write down that they ran.
func faultConfig(config map[string]any, bundle string) {
	note := func(letter string) []any {
		return []any{map[string]any{"path": "/bin/sh", "args": []string{
			"sh", "-c",
			"printf " + letter + " >>" + bundle + "/ran",
		}}}
	}
	inside := []any{map[string]any{"path": "/bin/busybox", "args": []string{"true"}}}
	config["hooks"] = map[string]any{"createRuntime": note("c"), "startContainer": inside, "poststop": note("p")}
	config["domainname"] = "example"
	process := config["process"].(map[string]any)
	process["cwd"] = "/var/lib"
	process["user"] = map[string]any{"uid": 7, "gid": 8, "additionalGids": []int{9}}
	process["rlimits"] = []any{map[string]any{"type": "RLIMIT_NOFILE", "soft": 64, "hard": 64}}
	linux := config["linux"].(map[string]any)
	linux["sysctl"] = map[string]any{"net.ipv4.ip_unprivileged_port_start": "0"}
	linux["seccomp"] = map[string]any{"defaultAction": "SCMP_ACT_ALLOW"}
	addMount(config, map[string]any{
		"destination": "/data", "source": bundle,
		"options": []string{"rbind", "ro", "nodev"},
	})
	addMount(config, tmpfs("/tmp", "size=1m"))
}

// faults fails the steps of one plan.
type faults struct {
	t      *testing.T
	bundle string
	root   string
	wait   bool // create and start, instead of run
	stride int
	failed map[string]bool // the steps of earlier plans that were to fail
	// options are those of the command, and origin what the fields of the steps that fail begin with, where it is these
	// that are to be tried.
	options CreateOptions
	origin  string

	plan     *plan.Plan
	executed []bool // which steps are executed if nothing fails
	ready    int    // index of the step at which the container is created
	world    world
	steps    int
	runs     int
}

var faultID = "every-step-fails-" + strconv.Itoa(os.Getpid())

func (f *faults) all() {
	f.learn()
	var kinds []string
	for i := range f.plan.Steps {
		if !f.sampled(i) {
			continue
		}
		f.steps++
		kinds = append(kinds, f.kind(i))
		for _, errno := range f.errnos(i) {
			s := &f.plan.Steps[i]
			ok := f.t.Run(fmt.Sprintf("%03d %s %s", s.Number, s.Call, unix.ErrnoName(errno)), func(t *testing.T) {
				sub := *f
				sub.t = t
				sub.fail(i, errno)
			})
			f.runs++
			if !ok && unix.Access(f.root+"/"+faultID, unix.F_OK) == nil {
				f.t.Fatal("what is left would make all that follows fail")
			}
		}
	}
	for _, k := range kinds {
		if f.failed != nil {
			f.failed[k] = true
		}
	}
	f.t.Logf("%d of %d steps failed in %d ways", f.steps, len(f.plan.Steps), f.runs)
	if f.steps < 30 && f.origin == "" || f.steps < 10 {
		f.t.Error("that can't be all")
	}
}

// sampled reports whether step i is to fail. Of many steps that differ in one number, as those that drop capabilities
// do, some will do.
func (f *faults) sampled(i int) bool {
	s := &f.plan.Steps[i]
	if f.origin != "" {
		return strings.HasPrefix(s.Origin, f.origin)
	}
	if i > 2 {
		same := func(o *nsenter.Step) bool {
			return o.Call == s.Call && o.Origin == s.Origin && o.Sentence == s.Sentence
		}
		if same(&f.plan.Steps[i-1]) && same(&f.plan.Steps[i-2]) && i%8 != 0 {
			return false
		}
	}
	stride := f.stride
	if f.failed[f.kind(i)] && os.Getenv("RT_EVERY_STEP") == "" {
		stride *= 4
	}
	if testing.Short() {
		stride *= 8 // an emulated machine is twenty times slower
	}
	return f.plan.Part(i) == "the first process" || i >= f.ready || i%stride == 0
}

// kind returns what step i has in common with the same one of another plan.
func (f *faults) kind(i int) string {
	s := &f.plan.Steps[i]
	return s.Call.String() + " " + s.Origin + " " + s.Sentence + " " + fmt.Sprint(s.Errnos)
}

// errnos returns how step i is to fail: in a way that it does not expect, and in all that it does.
func (f *faults) errnos(i int) []unix.Errno {
	s := &f.plan.Steps[i]
	var list []unix.Errno
	for k := range 4 {
		errno := [...]unix.Errno{unix.EIO, unix.ENOSPC, unix.EPERM, unix.EEXIST}[(i+k)%4]
		if !s.Errnos.Has(errno) {
			list = append(list, errno)
			break
		}
	}
	if testing.Short() {
		return list
	}
	for _, e := range s.Errnos.All() {
		if e != nsenter.Short {
			list = append(list, e)
		}
	}
	if s.Again > 0 {
		list = append(list, unix.EAGAIN)
	}
	return list
}

// learn gets the plan by executing it, twice: a first time makes the mount points and whatever else stays in the
// root file system.
func (f *faults) learn() {
	for range 2 {
		var p plan.Plan
		r := tested{Runtime: Runtime{Root: f.root, edit: func(made *plan.Plan) { p = *made }}}
		if err := f.life(&r, nil); err != nil {
			f.t.Fatalf("without a fault: %v", err)
		}
		f.plan = &p
	}
	traced, steps := f.trace()
	whole := *f
	whole.wait = false
	late, same := whole.trace() // what start does can't be traced, but run does the same
	f.executed = make([]bool, len(f.plan.Steps))
	program := false
	for i := range f.plan.Steps {
		s := &f.plan.Steps[i]
		if plan.SyncPointOf(s) == plan.SyncReady {
			f.ready = i
		}
		switch {
		case s.Call == nsenter.Execve:
			f.executed[i] = !program
			program = program || strings.HasPrefix(f.plan.Text(i), `execve("/bin/true"`)
		case s.Call == nsenter.ExitGroup, s.Call == nsenter.Seccomp, i == f.ready, f.wait && f.ready > 0 &&
			i < f.ready+6:
			f.executed[i] = true
		case f.wait && f.ready > 0:
			f.executed[i] = late[int(s.Number)-(steps-same)]
		default:
			f.executed[i] = traced[int(s.Number)]
		}
	}
	f.world = look(f.t)
}

// trace carries the plan out and returns the numbers of the steps that were traced, and how many steps there are.
func (f *faults) trace() (traced map[int]bool, steps int) {
	traced = map[int]bool{}
	r := tested{Runtime: Runtime{Root: f.root, edit: func(p *plan.Plan) {
		steps = int(p.Steps[len(p.Steps)-1].Number)
	}}}
	must(f.t, f.life(&r, func(e TraceEvent) {
		if e.Text == "" {
			f.t.Errorf("a step without a text is traced: %+v", e)
		}
		traced[e.Step] = true
	}))
	return traced, steps
}

// life makes a container, lets it run to its end, and removes it; trace may be nil.
func (f *faults) life(r *tested, trace func(TraceEvent)) error {
	o := f.options
	o.Bundle, o.Trace = f.bundle, trace
	if !f.wait {
		_, err := r.run(faultID, &RunOptions{CreateOptions: o})
		return err
	}
	if err := r.create(faultID, &o); err != nil {
		return err
	}
	err := r.start(faultID)
	f.requireStopped(r, err != nil)
	if e := r.delete(faultID); e != nil {
		f.t.Errorf("delete: %v", e)
	}
	reapAll()
	return err
}

// requireStopped checks that the container ends, and, if its start has failed, that it can't be started again.
func (f *faults) requireStopped(r *tested, failed bool) {
	eventually(f.t, "the container has stopped", func() bool {
		_, status, err := r.storedState(faultID)
		return err == nil && status == state.Stopped
	})
	var e *diag.Error
	if err := r.start(faultID); failed && (!errors.As(err, &e) || e.Kind != diag.State) {
		f.t.Errorf("a second start says %v", err)
	}
}

// fail carries the plan out with a fault in step i.
func (f *faults) fail(i int, errno unix.Errno) {
	t := f.t
	must(t, os.RemoveAll(f.bundle+"/ran"))
	hung := time.AfterFunc(time.Minute, func() {
		t.Error("rt waited for something that did not come")
		killChildren()
	})
	r := tested{Runtime: Runtime{Root: f.root, edit: func(p *plan.Plan) { p.Program = *p.WithFault(i, errno) }}}
	err := f.life(&r, nil)
	hung.Stop()
	f.judge(i, errno, err)
	if f.plan.Part(i) == "the first process" {
		// A process of which rt was never told ends when rt hangs up, and is the reaper's when rt has ended.
		eventually(t, "all processes have ended", func() bool { reapAll(); return len(childPids()) == 0 })
	}
	requireNothingLeft(t, f.world, f.root, faultID)
	// A container that was not made has no end: poststop hooks go with those of its creation.
	if ran, _ := os.ReadFile(f.bundle + "/ran"); len(ran) != 0 && string(ran) != "cp" {
		t.Errorf("the hooks that ran are %q", ran)
	}
	if s := &f.plan.Steps[i]; f.executed[i] && int(s.Else) > i+1 && s.Errnos.Has(errno) {
		f.requireJump(i, errno)
	}
}

// judge checks what rt says of a fault in step i.
func (f *faults) judge(i int, errno unix.Errno, err error) {
	s := &f.plan.Steps[i]
	var e *diag.Error
	isDiag := errors.As(err, &e)
	switch {
	case !f.executed[i]:
		if err != nil {
			f.t.Errorf("a step that is not executed here fails: %v", err)
		}
	case s.Errnos.Has(errno):
		// The world may not be as the errno says, and a later step fail for it.
		if err != nil && (!isDiag || e.Step <= int(s.Number)) {
			f.t.Errorf("an expected errno is reported as %v", err)
		}
	case f.wait && i > f.ready && i < f.ready+5 && s.Call != nsenter.Read:
		// Between create, which has ended, and start, which is not connected yet, there is nobody to tell. The
		// container has stopped.
	case !isDiag:
		f.t.Errorf("error %v (%T)", err, err)
	case e.Step != int(s.Number) || e.Field != s.Origin || e.Call != s.Call.String() || e.Errno != errno ||
		e.Problem == "" && s.Sentence != "":
		f.t.Errorf("step %d of %q, %s, %v is reported as %+v", s.Number, s.Origin, s.Call, errno, e)
	case !strings.Contains(err.Error(), fmt.Sprintf("[step %d]", s.Number)):
		f.t.Errorf("no step in %q", err)
	}
}

// requireJump checks with a trace that an errno leads where the plan says.
func (f *faults) requireJump(i int, errno unix.Errno) {
	s := &f.plan.Steps[i]
	var events []TraceEvent
	number := int(s.Number)
	r := tested{Runtime: Runtime{Root: f.root, edit: func(p *plan.Plan) {
		for k := range p.Steps {
			if int(p.Steps[k].Number) == number && !plan.IsTrace(&p.Steps[k]) {
				p.Program = *p.WithFault(k, errno)
				return
			}
		}
	}}}
	_ = f.life(&r, func(e TraceEvent) { events = append(events, e) })
	at := slices.IndexFunc(events, func(e TraceEvent) bool { return e.Step == number })
	if f.wait && i > f.ready || !f.traceable(i) {
		return
	}
	want := int(f.plan.Steps[s.Else].Number)
	if at < 0 || at+1 >= len(events) || events[at].Result != -int64(errno) || events[at+1].Step != want {
		f.t.Errorf("step %d fails with %v and does not lead to %d: %+v", number, errno, want, events)
	}
}

// traceable reports whether step i and the one behind its jump come before a filter is loaded.
func (f *faults) traceable(i int) bool {
	for k := range f.plan.Steps[:f.plan.Steps[i].Else+1] {
		if f.plan.Steps[k].Call == nsenter.Seccomp {
			return false
		}
	}
	return true
}
