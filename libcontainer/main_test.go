package libcontainer

import (
	"context"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"rt/libcontainer/state"
	"rt/tests/ownmounts"
)

// The tests run this binary again for what takes another process: a rt to be killed, or a machine with other cgroups.
func TestMain(m *testing.M) {
	if f, ok := children[os.Getenv("RT_TEST_CHILD")]; ok {
		f()
		os.Exit(0)
	}
	if ownmounts.Is() {
		// Whatever a container leaves behind comes to this process, so that leftovers sees it.
		_ = unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
	}
	os.Exit(m.Run())
}

// children is what the binary does instead of testing, by the value of RT_TEST_CHILD.
var children = map[string]func(){}

// apart runs a test again in a mount namespace of its own, where nobody else mounts anything while it looks: shared, as
// systemd makes that of a machine, since there rt has to be most careful. It reports whether this is that process.
func apart(t *testing.T) bool { return ownmounts.Run(t, "mount --make-rshared /") }

// apartOnCgroup2 is apart with /sys/fs/cgroup as most machines have it today, whatever this one has.
func apartOnCgroup2(t *testing.T) bool {
	var st unix.Statfs_t
	if unix.Statfs("/sys/fs/cgroup", &st) == nil && st.Type == unix.CGROUP2_SUPER_MAGIC {
		return apart(t)
	}
	return ownmounts.Run(t, "umount -R /sys/fs/cgroup; mount -t cgroup2 none /sys/fs/cgroup && mount --make-rshared /")
}

// eventually waits until is is true, at most half a minute: that is much, and no test waits for it unless it fails.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if is() {
			return
		}
	}
	t.Fatalf("it never came to this: %s", what)
}

// tested is a Runtime with methods that return what tests look at.
type tested struct{ Runtime }

func (r *tested) create(id string, o *CreateOptions) error {
	_, err := r.Create(context.Background(), id, o)
	return err
}

func (r *tested) run(id string, o *RunOptions) (int, error) {
	result, err := r.Run(context.Background(), id, o)
	return result.Status, err
}

func (r *tested) exec(id string, o *ExecOptions) (int, error) {
	result, err := r.Container(id).Exec(context.Background(), o)
	return result.Status, err
}

func (r *tested) start(id string) error {
	_, err := r.Container(id).Start(context.Background())
	return err
}

func (r *tested) delete(id string) error {
	_, err := r.Container(id).Delete(context.Background())
	return err
}

func (r *tested) forceDelete(id string) error {
	_, err := r.Container(id).ForceDelete(context.Background())
	return err
}

// storedState returns state.json of a container, and the status.
func (r *tested) storedState(id string) (*state.State, state.Status, error) {
	c := r.Container(id)
	s, err := c.storedState(context.Background())
	if err != nil {
		return nil, "", err
	}
	now, err := c.State(context.Background())
	if err != nil {
		return nil, "", err
	}
	return s, now.Status, nil
}
