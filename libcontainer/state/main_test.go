package state

import (
	"os"
	"runtime"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Main runs on the first thread of the process, which the test of a zombie leader ends.
func init() { runtime.LockOSThread() }

// The tests run this binary again for what takes another process.
func TestMain(m *testing.M) {
	if f, ok := children[os.Getenv("RT_TEST_CHILD")]; ok {
		f()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// children is what the binary does instead of testing, by the value of RT_TEST_CHILD. The directory is in RT_TEST_ROOT.
var children = map[string]func(){
	// makes and removes containers until it is killed
	"churn": func() {
		r, err := OpenRoot(os.Getenv("RT_TEST_ROOT"), true)
		must(err)
		_, _ = os.Stdout.WriteString("x") // it begins
		for {
			c, err := r.Create("web1")
			must(err)
			must(c.SaveConfig([]byte(`{"ociVersion":"1.3.0"}`)))
			s := sample("web1")
			s.Phase = Creating
			must(c.Save(s))
			must(os.WriteFile(c.Path(StartSocket), nil, 0o600))
			s.Phase = Created
			must(c.Save(s))
			must(c.Remove())
		}
	},
	// holds the lock of a container that it is making
	"hold": func() {
		r, err := OpenRoot(os.Getenv("RT_TEST_ROOT"), true)
		must(err)
		_, err = r.Create("web1")
		must(err)
		_, _ = os.Stdout.WriteString("locked\n")
		time.Sleep(time.Minute)
	},
	// ends its first thread and lives on
	"leader": func() {
		go func() {
			for range 600 {
				time.Sleep(100 * time.Millisecond)
			}
			os.Exit(0)
		}()
		time.Sleep(10 * time.Millisecond)
		_, _ = os.Stdout.WriteString(strconv.Itoa(os.Getpid()) + "\n")
		_, _, _ = unix.RawSyscall(unix.SYS_EXIT, 0, 0, 0)
	},
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// sample is a state with every field set.
func sample(id string) *State {
	return &State{
		OCIVersion: "1.3.0", ID: id, Bundle: "/b/größe", Rootfs: "/b/rootfs", Owner: 1000,
		Created:     time.Date(2026, 11, 22, 14, 4, 41, 620229440, time.UTC),
		Annotations: map[string]string{"z": "last", "a": "a \"quoted\"\nline"},
		Phase:       Created, Pid: 4711, StartTime: 1<<63 + 5, Terminal: true, NoNewKeyring: true, Keyring: "_ses." +
			id + ".5f",
		Cgroup: Cgroup{
			Driver: "systemd", Paths: map[string]string{"": "/sys/fs/cgroup/x", "cpu,cpuacct": "/sys/fs/cgroup/cpu/x"},
			Unit: "rt-web1.scope", Slice: "system.slice", Rootless: true, Preexisting: []string{"", "cpu,cpuacct"},
			Owner: "abc-12",
		},
		IntelRdt: IntelRdt{Class: "/sys/fs/resctrl/" + id, Monitor: "/sys/fs/resctrl/" + id + "/mon_groups/" + id},
		Added: []Added{{
			Destination: "/tools", Source: "/srv/tools", Type: "bind", MountID: 77, Device: "c 10:229 rwm",
		}},
	}
}
