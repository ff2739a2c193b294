package attack

import (
	"os/exec"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// Network devices that a container takes from the host.

func init() { add(attacksOnNetDevices) }

var attacksOnNetDevices = []attack{
	{
		name: "linux.netDevices",
		what: "the second device can't be moved, and the first one is removed with the container",
		try: func(s *stage) string {
			s.Config.at("linux")["netDevices"] = map[string]any{
				"d0": map[string]any{"name": "x%d"}, "d1": map[string]any{"name": "x0"},
			}
			gone := ""
			s.withDevices(func() {
				if out, status := s.run("true"); status == 0 {
					s.t.Fatal("the container has both devices: " + out)
				}
				if out, err := exec.Command("ip", "link", "show", "d0").CombinedOutput(); err != nil {
					gone = "d0 is gone: " + string(out)
				}
			}, "d0", "d1")
			return gone
		},
		without: []way{{patches: []patch{{
			"libcontainer/netdevice/move.go", "	if moved != nil {\n", "	if moved != nil && !OFF {\n",
		}}}},
	},
	{
		name: "linux.netDevices", what: "a hook fails after the devices were moved, and they are gone",
		try: func(s *stage) string {
			s.Config.at("linux")["netDevices"] = map[string]any{"d0": map[string]any{}}
			s.Config.at("hooks")["createContainer"] = []any{map[string]any{"path": "/bin/false"}}
			gone := ""
			s.withDevices(func() {
				if out, status := s.run("true"); status == 0 {
					s.t.Fatal("the container was created: " + out)
				}
				if out, err := exec.Command("ip", "link", "show", "d0").CombinedOutput(); err != nil {
					gone = "d0 is gone: " + string(out)
				}
			}, "d0")
			return gone
		},
		without: []way{{patches: []patch{{
			"libcontainer/netdevice/move.go", "if err := n.moveBack(link,",
			"if OFF {\nreturn\n}\nif err := n.moveBack(link,",
		}}}},
	},
}

// withDevices calls do in a network namespace of its own, with these devices.
func (s *stage) withDevices(do func(), names ...string) {
	s.t.Helper()
	if _, err := exec.LookPath("ip"); err != nil {
		s.t.Skip("needs ip: iproute2 is not installed")
	}
	unfit := ""
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and not unlocked: the thread ends with the goroutine, and the namespace with it
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			unfit = "no new network namespace: " + err.Error()
			return
		}
		for _, name := range names {
			made := false
			for _, kind := range []string{"dummy", "ifb"} {
				made = made || exec.Command("ip", "link", "add", name, "type", kind).Run() == nil
			}
			if !made {
				unfit = "this kernel makes neither dummy nor ifb devices"
				return
			}
		}
		do()
	}()
	<-done
	if unfit != "" {
		s.t.Skip(strings.TrimSpace(unfit))
	}
}
