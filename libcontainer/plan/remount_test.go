package plan

import (
	"errors"
	"strings"
	"testing"

	"rt/internal/diag"
	"rt/nsenter"
)

// TestRemountKeepsTheHostsFileSystems checks that a remount without bind can't reach through a bind mount.
func TestRemountKeepsTheHostsFileSystems(t *testing.T) {
	s, f := config(t, `{"mounts": [
		{"destination": "/data", "source": "/srv/data", "options": ["bind"]},
		{"destination": "/data", "options": ["bind", "remount", "nosuid"]},
		{"destination": "/data", "options": ["remount", "ro"]}]}`), modern()
	_, err := Compile(s, &f, options(s, &f))
	var e *diag.Error
	if !errors.As(err, &e) || e.Field != "mounts[2].options" || e.Value != "remount" ||
		!strings.Contains(e.Problem, "with bind") {
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

// TestRemountChangesWhatWasMounted: a remount, and the attributes of a file system that mount(2) has mounted, are those
// of the mount itself, whatever has become of its name. Only what the config has not mounted is looked up.
func TestRemountChangesWhatWasMounted(t *testing.T) {
	for mounts, lookups := range map[string]int{
		`{"destination": "/m", "source": "/srv", "options": ["bind"]},
			{"destination": "/m", "options": ["bind", "remount", "ro"]}`: 0,
		`{"destination": "/m", "type": "tmpfs", "source": "t"},
			{"destination": "/m", "options": ["remount", "ro"]}`: 0,
		`{"destination": "/m", "type": "ext4", "source": "/dev/x"},
			{"destination": "/m", "options": ["bind", "remount", "nosuid"]}`: 0,
		`{"destination": "/m", "type": "ext4", "source": "/dev/x", "options": ["rro", "shared"]}`: 0,
		`{"destination": "/m", "options": ["bind", "remount", "ro"]}`:                             1,
		`{"destination": "/m", "source": "/srv", "options": ["rbind"]},
			{"destination": "/m/below", "options": ["bind", "remount", "ro"]}`: 1,
		`{"destination": "/m/a", "source": "/srv", "options": ["bind"]}, {"destination": "/m", "type": "tmpfs"},
			{"destination": "/m/a", "options": ["bind", "remount", "ro"]}`: 1,
	} {
		s, f := config(t, `{"mounts": [`+mounts+`]}`), modern()
		p, err := Compile(s, &f, options(s, &f))
		if err != nil {
			t.Fatal(err)
		}
		attached, again := false, 0
		for i := range p.Steps {
			s := &p.Steps[i]
			switch {
			case p.Part(i) != "mounts":
			case s.Call == nsenter.MoveMount:
				attached = true
			case strings.HasPrefix(p.Text(i), `openat2($root, "m`) &&
				(attached || s.Sentence == "open what is mounted there") && s.Sentence != "open the mount point" &&
				s.Sentence != "open it":
				again++
			}
		}
		if again != lookups {
			t.Errorf("%s: looked up %d times more, want %d", mounts, again, lookups)
		}
	}
}
