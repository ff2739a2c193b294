package plan

import (
	"errors"
	"strings"
	"testing"

	"rt/libcontainer/diag"
)

// TestRemountKeepsTheHostsFileSystems checks that a remount without bind can't reach through a bind mount.
func TestRemountKeepsTheHostsFileSystems(t *testing.T) {
	s, f := config(t, `{"mounts": [
		{"destination": "/data", "source": "/srv/data", "options": ["bind"]},
		{"destination": "/data", "options": ["bind", "remount", "nosuid"]},
		{"destination": "/data", "options": ["remount", "ro"]}]}`), modern()
	_, err := Compile(s, &f, options(s, &f))
	var e *diag.Error
	if !errors.As(err, &e) || e.Field != "mounts[2].options" || e.Value != "remount" || !strings.Contains(e.Problem, "with bind") {
		t.Errorf("error %v", err)
	}
}

// TestRemountLeavesDevicesAlone: a bind mount at /dev is the user's business, but a remount is no bind mount.
func TestRemountLeavesDevicesAlone(t *testing.T) {
	s, f := config(t, `{"mounts": [
		{"destination": "/dev", "type": "tmpfs", "source": "tmpfs"},
		{"destination": "/dev", "options": ["bind", "remount", "ro"]}]}`), modern()
	p, err := Compile(s, &f, options(s, &f))
	if err != nil {
		t.Fatal(err)
	}
	device, readonly := -1, -1
	for i := range p.Steps {
		switch text := p.Text(i); {
		case strings.Contains(text, `mknodat($dev, "null"`):
			device = i
		case strings.Contains(text, "MOUNT_ATTR_RDONLY"):
			readonly = i
		}
	}
	if device < 0 || readonly < device {
		t.Errorf("/dev/null is made by step %d, /dev read-only by step %d", device+1, readonly+1)
	}
}
