package plan

import (
	"encoding/binary"
	"testing"

	"golang.org/x/sys/unix"

	"rt/libcontainer/host"
	"rt/nsenter"
)

// TestAccessTimesAreOneValue: the kernel refuses a mount_setattr(2) that sets a kind of access times and clears none.
func TestAccessTimesAreOneValue(t *testing.T) {
	for mount, facts := range map[string]host.Facts{
		`{"destination": "/sys/fs/cgroup", "type": "cgroup", "options": ["ro", "noatime"]}`:         cgroup1(),
		`{"destination": "/sys/fs/cgroup", "type": "cgroup", "options": ["strictatime", "nosuid"]}`: modern(),
		`{"destination": "/m", "source": "/srv", "options": ["bind", "noatime"]}`:                   modern(),
	} {
		s := config(t, `{"mounts": [`+mount+`], "linux": {"namespaces": [{"type": "mount"}]}}`)
		p, err := Compile(s, &facts, options(s, &facts))
		if err != nil {
			t.Fatal(err)
		}
		set := 0
		for i := range p.Steps {
			if p.Steps[i].Call != nsenter.MountSetattr {
				continue
			}
			attr, _ := p.Steps[i].Args[3].Bytes()
			const kinds = unix.MOUNT_ATTR__ATIME
			if binary.NativeEndian.Uint64([]byte(attr))&kinds == 0 {
				continue
			}
			if set++; binary.NativeEndian.Uint64([]byte(attr[8:]))&kinds != kinds {
				t.Errorf("%s: %s", mount, p.Text(i))
			}
		}
		if set == 0 {
			t.Errorf("%s: no step sets it", mount)
		}
	}
}
