package cgroup

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestSilentBus has a D-Bus that takes connections and says nothing, as one does whose daemon hangs: every call comes
// to an end, and the ones after the first at once.
func TestSilentBus(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "bus")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	called := make(chan bool, 10)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { _ = c.Close() })
			called <- true
		}
	}()
	for _, name := range []string{"DBUS_SYSTEM_BUS_ADDRESS", "DBUS_SESSION_BUS_ADDRESS"} {
		t.Setenv(name, "unix:path="+socket)
	}
	before := systemdTimeout
	systemdTimeout = 300 * time.Millisecond
	defer func() { systemdTimeout = before }()

	g := groupOf(&cgroupSet{
		driver: Systemd, mode: Mode(), limits: &limits{}, fd: -1, rootless: os.Geteuid() != 0,
		unit:        &unit{name: "rt-web1.scope", slice: "system.slice", prefix: "rt", base: "web1"},
		hierarchies: []hierarchy{{v2: true, base: root, dir: root + "/system.slice/rt-web1.scope"}},
	})
	begin := time.Now()
	err = g.Attach(1 << 22) // a number that no process has
	if err == nil || !strings.Contains(err.Error(), "rt-web1.scope can't be started: systemd did not answer within "+
		"300ms") {
		t.Errorf("%v", err)
	}
	if took := time.Since(begin); took < systemdTimeout || took > systemdTimeout+5*time.Second {
		t.Errorf("it took %v", took)
	}
	select {
	case <-called:
	default:
		t.Error("nobody has called: the test shows nothing")
	}
	begin = time.Now()
	if err := g.Destroy(); err == nil || !strings.Contains(err.Error(), "has not answered before") {
		t.Errorf("%v", err)
	}
	if took := time.Since(begin); took > systemdTimeout/2 {
		t.Errorf("the second time it took %v", took)
	}
}
