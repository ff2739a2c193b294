package libcontainer

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/libcontainer/plan"
	"rt/libcontainer/process"
	"rt/nsenter"
)

// TestEveryStepOfExecFails fails every step of a plan of exec, and examines what rt reports, and what is left in the
// container: nothing.
func TestEveryStepOfExecFails(t *testing.T) {
	if apart(t) {
		testExecFaults(t)
	}
}

// TestEveryStepOfExecFailsOnCgroup2 does the same where the process is born in the container's cgroup.
func TestEveryStepOfExecFailsOnCgroup2(t *testing.T) {
	if apartOnCgroup2(t) {
		testExecFaults(t)
	}
}

func testExecFaults(t *testing.T) {
	bundle := newBundle(t, func(config map[string]any) {
		process := config["process"].(map[string]any)
		process["args"] = []string{"sleep", "600"}
		process["oomScoreAdj"] = 100
		config["linux"].(map[string]any)["seccomp"] = map[string]any{"defaultAction": "SCMP_ACT_ALLOW"}
	})
	r := &tested{Runtime: Runtime{Root: filepath.Join(t.TempDir(), "root")}}
	id := "exec-fails-" + strconv.Itoa(os.Getpid())
	must(t, r.create(id, &CreateOptions{Bundle: bundle}))
	defer func() { must(t, r.forceDelete(id)) }()
	must(t, r.start(id))
	alone, err := r.Container(id).Processes(t.Context())
	must(t, err)

	var p *plan.Plan
	r.edit = func(made *plan.Plan) { p = made }
	status, err := r.exec(id, execTrue(t))
	if err != nil || status != 0 {
		t.Fatalf("without a fault: %d, %v", status, err)
	}
	requireAlone := func() {
		t.Helper()
		eventually(t, "what has failed leaves the container", func() bool {
			// A process that was made and not reported yet ends by itself. It is this process's child: rt's own end
			// would leave it to init.
			_, _ = unix.Wait4(-1, nil, unix.WALL|unix.WNOHANG, nil)
			now, err := r.Container(id).Processes(t.Context())
			return err == nil && reflect.DeepEqual(now, alone)
		})
	}
	failed := 0
	for i := range p.Steps {
		// EDOM is no answer that any step makes allowances for.
		r.edit = func(made *plan.Plan) { made.Program = *made.WithFault(i, unix.EDOM) }
		o := execTrue(t)
		_, err := r.exec(id, o)
		var e *diag.Error
		switch {
		case err == nil && (passedOver(p, i) || p.Steps[i].Call == nsenter.ExitGroup):
			continue
		case !errors.As(err, &e):
			t.Errorf("step %d, %s: %v", i+1, p.Text(i), err)
			continue
		case e.Step == i+1 && e.Errno == 0 && p.Steps[i].Call == nsenter.Read:
			// Linux before 6.2 has discarded the report: nsenter.ErrEnded.
			t.Logf("step %d: %v", i+1, e)
		case e.Step != i+1 || e.Errno != unix.EDOM:
			t.Errorf("step %d, %s: said to be %v", i+1, p.Text(i), e)
		}
		failed++
		if _, err := os.Stat(o.PidFile); err == nil {
			t.Errorf("step %d: there is a pid file of a process that never was", i+1)
		}
		requireAlone()
	}
	if failed < 50 {
		t.Errorf("only %d of %d steps have failed", failed, len(p.Steps))
	}
	expected := 0
	for i := range p.Steps {
		for _, errno := range p.Steps[i].Errnos.All() {
			if errno == nsenter.Short {
				continue
			}
			expected++
			r.edit = func(made *plan.Plan) { made.Program = *made.WithFault(i, errno) }
			// The container is not as the errno says, so a later step may fail for it.
			_, err := r.exec(id, execTrue(t))
			if e := (*diag.Error)(nil); err != nil && (!errors.As(err, &e) || e.Step <= i+1) {
				t.Errorf("step %d, %s: the expected %v is reported as %v", i+1, p.Text(i), errno, err)
			}
			requireAlone()
		}
	}
	if expected < 5 {
		t.Errorf("only %d errnos are expected", expected)
	}
}

// TestExecIntoAFullContainer: if the process can't be cloned into the container's cgroup, which is full, it is cloned
// outside and moved there.
func TestExecIntoAFullContainer(t *testing.T) {
	if apart(t) {
		testExecIntoAFullContainer(t)
	}
}

func TestExecIntoAFullContainerOnCgroup2(t *testing.T) {
	if apartOnCgroup2(t) {
		testExecIntoAFullContainer(t)
	}
}

func testExecIntoAFullContainer(t *testing.T) {
	bundle := newBundle(t, func(config map[string]any) {
		config["process"].(map[string]any)["args"] = []string{
			"sleep",
			"600",
		}
	})
	r := &tested{Runtime: Runtime{Root: filepath.Join(t.TempDir(), "root")}}
	id := "exec-full-" + strconv.Itoa(os.Getpid())
	must(t, r.create(id, &CreateOptions{Bundle: bundle}))
	defer func() { must(t, r.forceDelete(id)) }()
	must(t, r.start(id))
	s, _, err := r.storedState(id)
	must(t, err)

	plans := 0
	r.edit = func(p *plan.Plan) {
		if plans++; plans > 1 {
			return // the second way
		}
		for i := range p.Steps {
			if p.Steps[i].Forks() {
				p.Program = *p.WithFault(i, unix.EAGAIN) // as with pids.max
				return
			}
		}
		t.Error("no step makes the process")
	}
	o := &ExecOptions{
		ProcessOptions: ProcessOptions{Args: []string{"sleep", "600"}},
		PidFile:        filepath.Join(t.TempDir(), "pid"), Detach: true,
	}
	if _, err := r.exec(id, o); err != nil || plans != 2 {
		t.Fatalf("%v, with %d plans", err, plans)
	}
	text, err := os.ReadFile(o.PidFile)
	must(t, err)
	got, err := os.ReadFile("/proc/" + string(text) + "/cgroup")
	must(t, err)
	want, err := os.ReadFile("/proc/" + strconv.Itoa(s.Pid) + "/cgroup")
	must(t, err)
	if string(got) != string(want) {
		t.Errorf("it is in\n%s\nthe container in\n%s", got, want)
	}
	// Collected as soon as it is dead: it is this process's child, and as long as it is there the container's pid
	// namespace is.
	pid, err := strconv.Atoi(string(text))
	must(t, err)
	must(t, unix.Kill(pid, unix.SIGKILL))
	_, err = process.Wait(pid)
	must(t, err)
}

func execTrue(t *testing.T) *ExecOptions {
	return &ExecOptions{
		ProcessOptions: ProcessOptions{Args: []string{"true"}, Cwd: "/bin", UID: new(uint32)},
		PidFile:        filepath.Join(t.TempDir(), "pid"),
	}
}

// passedOver reports whether an earlier step jumps over step i when all goes well.
func passedOver(p *plan.Plan, i int) bool {
	for k := range i {
		s := &p.Steps[k]
		if int(s.Then) > i || int(s.Else) > i {
			return true
		}
	}
	return false
}
