package libcontainer

import (
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"rt/internal/diag"
	"rt/libcontainer/state"
)

// The rt to be killed: it says that it begins, and does what one command of rt does.
func init() {
	act := func(f func(r *tested, id, bundle string) error) func() {
		return func() {
			_, _ = os.Stdout.WriteString("x")
			if f(&tested{Runtime: Runtime{Root: os.Getenv("RT_TEST_ROOT")}}, os.Getenv("RT_TEST_ID"),
				os.Getenv("RT_TEST_BUNDLE")) != nil {
				os.Exit(1)
			}
		}
	}
	children["create"] = act(func(r *tested, id,
		bundle string,
	) error {
		return r.create(id, &CreateOptions{Bundle: bundle})
	})
	children["run"] = act(func(r *tested, id, bundle string) error {
		_, err := r.run(id, &RunOptions{CreateOptions: CreateOptions{Bundle: bundle}})
		return err
	})
	children["start"] = act(func(r *tested, id, _ string) error { return r.start(id) })
	children["delete"] = act(func(r *tested, id, _ string) error { return r.forceDelete(id) })
}

// TestSIGKILLAtAnyMoment kills rt at random moments of the commands that change a container. Whatever is left must be
// listed and removed whole.
func TestSIGKILLAtAnyMoment(t *testing.T) {
	if apart(t) {
		testSIGKILL(t)
	}
}

// TestSIGKILLAtAnyMomentOnCgroup2 does the same on cgroup v2, where the container is born in its cgroup.
func TestSIGKILLAtAnyMomentOnCgroup2(t *testing.T) {
	if apartOnCgroup2(t) {
		testSIGKILL(t)
	}
}

func testSIGKILL(t *testing.T) {
	for _, command := range []string{"create", "run", "start", "delete"} {
		t.Run(command, func(t *testing.T) {
			k := killing{
				t: t, command: command, id: "killed-in-" + command + "-" + strconv.Itoa(os.Getpid()),
				root: filepath.Join(t.TempDir(), "root"), outcomes: map[string]int{},
			}
			k.bundle = newBundle(t, func(config map[string]any) {
				seconds := "60"
				if command == "run" {
					seconds = "0.003"
				}
				config["process"].(map[string]any)["args"] = []string{"sleep", seconds}
				wait := []any{map[string]any{"path": "/bin/sleep", "args": []string{"sleep", "0.002"}}}
				config["hooks"] = map[string]any{"createRuntime": wait, "createContainer": wait, "poststop": wait}
			})
			k.rounds()
		})
	}
}

// TestForceDeleteOfAnUnsavedProcess: rt was killed after the boot process had come to wait for the start, and before it
// saved which process that is, and there is no cgroup that could tell.
func TestForceDeleteOfAnUnsavedProcess(t *testing.T) {
	if !apart(t) {
		return
	}
	r, id := &tested{Runtime: Runtime{Root: t.TempDir(), NoCgroup: true}}, "unsaved-"+strconv.Itoa(os.Getpid())
	must(t, r.create(id, &CreateOptions{Bundle: newBundle(t, nil)}))
	_, _, err := r.storedState(id)
	must(t, err)
	root, err := state.OpenRoot(r.Root, false)
	must(t, err)
	dir, err := root.Open(id, true)
	must(t, err)
	s, err := dir.State()
	must(t, err)
	pid, began := s.Pid, s.StartTime
	s.Phase, s.Pid, s.StartTime = state.Creating, 0, 0
	must(t, dir.Save(s))
	dir.Close()
	root.Close()
	must(t, r.forceDelete(id))
	reapAll()
	if alive, err := state.Alive(pid, began); alive || err != nil {
		t.Errorf("the boot process %d lives: %v %v", pid, alive, err)
	}
}

type killing struct {
	t                         *testing.T
	command, id, root, bundle string

	world    world
	outcomes map[string]int // how often the container was in which status afterwards
}

// rounds kills the command again and again, for some seconds: longer on a slow machine, until it has left two outcomes.
func (k *killing) rounds() {
	const least, most = 8, 60
	alike := func() bool { return len(k.outcomes) < 2 && k.command != "start" } // which is nearly done when it begins
	k.world = look(k.t)
	k.round(time.Minute) // unhindered, the first time to warm up
	whole := max(k.round(time.Minute), 2*time.Millisecond)
	clear(k.outcomes)
	limit := 4 * time.Second
	if testing.Short() {
		limit = time.Second
	}
	end := time.Now().Add(limit)
	n := 0
	for ; n < least || n < most && (time.Now().Before(end) || alike()); n++ {
		k.round(rand.N(whole * 5 / 4))
	}
	k.t.Logf("%s takes %v; killed %d times it left: %v", k.command, whole, n, k.outcomes)
	if alike() {
		k.t.Error("that is no random moment")
	}
}

// round has a rt carry the command out, kills it after some time, and clears up. It returns how long the command took.
func (k *killing) round(after time.Duration) time.Duration {
	r := &tested{Runtime: Runtime{Root: k.root}}
	if k.command == "start" || k.command == "delete" {
		must(k.t, r.create(k.id, &CreateOptions{Bundle: k.bundle}))
	}
	took := k.kill(after)

	list, _, err := r.List(k.t.Context())
	// A process that rt was just starting has its descriptors, and with them the lock, until it executes.
	for range 1000 {
		if len(list) == 0 || list[0].Status != state.Creating {
			break
		}
		time.Sleep(time.Millisecond)
		list, _, err = r.List(k.t.Context())
	}
	var e *diag.Error
	switch {
	case errors.As(err, &e) && e.Field == "--root": // it had not come to make the root
		k.outcomes["nothing"]++
	case err != nil:
		k.t.Fatalf("list after %v: %v", took, err)
	case len(list) == 0:
		k.outcomes["nothing"]++
	case len(list) > 1 || list[0].ID != k.id:
		k.t.Fatalf("list after %v: %+v", took, list)
	default:
		k.outcomes[string(list[0].Status)]++
		if list[0].Status == state.Creating {
			k.t.Fatalf("after %v nobody creates it any more: %+v", took, list[0])
		}
	}
	if err := r.forceDelete(k.id); err != nil {
		k.t.Fatalf("delete --force after %v: %v", took, err)
	}
	// Hooks of a rt that was killed live on to their end, and what has lost its parent has to be waited for.
	eventually(k.t, "all processes have ended", func() bool { reapAll(); return len(childPids()) == 0 })
	requireNothingLeft(k.t, k.world, k.root, k.id)
	return took
}

// kill runs the command and kills it when it has run for so long.
func (k *killing) kill(after time.Duration) time.Duration {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "RT_TEST_CHILD="+k.command, "RT_TEST_ROOT="+k.root, "RT_TEST_ID="+k.id,
		"RT_TEST_BUNDLE="+k.bundle)
	begins, err := cmd.StdoutPipe()
	must(k.t, err)
	must(k.t, cmd.Start())
	if _, err := begins.Read(make([]byte, 1)); err != nil {
		k.t.Fatalf("%s did not begin: %v", k.command, err)
	}
	began := time.Now()
	kill := time.AfterFunc(after, func() { _ = cmd.Process.Kill() })
	_, _ = cmd.Process.Wait()
	took := time.Since(began)
	kill.Stop()
	_ = begins.Close()
	return took
}
