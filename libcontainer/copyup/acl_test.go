package copyup

import (
	"bytes"
	"encoding/binary"
	"testing"

	"golang.org/x/sys/unix"
)

// acl makes an access control list of entries: tag, permissions, id.
func acl(entries ...[3]uint32) []byte {
	list := binary.LittleEndian.AppendUint32(nil, 2)
	for _, e := range entries {
		list = binary.LittleEndian.AppendUint16(list, uint16(e[0]))
		list = binary.LittleEndian.AppendUint16(list, uint16(e[1]))
		list = binary.LittleEndian.AppendUint32(list, e[2])
	}
	return list
}

// TestUnmappedEntries has a file system that knows the ids from 100 on.
func TestUnmappedEntries(t *testing.T) {
	const none = 0xffffffff
	owner, group := [3]uint32{1, 7, none}, [3]uint32{4, 5, none}
	mask, other := [3]uint32{16, 5, none}, [3]uint32{32, 0, none}
	user4, user100, user101 := [3]uint32{2, 7, 4}, [3]uint32{2, 0, 100}, [3]uint32{2, 6, 101}
	group4, group100 := [3]uint32{8, 5, 4}, [3]uint32{8, 0, 100}
	var last []byte
	set := func(list []byte) error {
		previous := uint16(0)
		for entry := list[aclHead:]; len(entry) > 0; entry = entry[aclEntry:] {
			if tag(entry) < previous || named(entry) && binary.LittleEndian.Uint32(entry[4:]) < 100 {
				return unix.EINVAL
			}
			previous = tag(entry)
		}
		last = bytes.Clone(list)
		return nil
	}
	for name, test := range map[string]struct{ from, want []byte }{
		"all": {acl(owner, user4, group, group4, mask, other), acl(owner, group, mask, other)},
		"some, and those that deny stay": {
			acl(owner, user4, user100, user101, group, group4, group100, mask, other),
			acl(owner, user100, user101, group, group100, mask, other),
		},
	} {
		if err := setMapped(test.from, set); err != nil || !bytes.Equal(last, test.want) {
			t.Errorf("%s: %v\n%x, not\n%x", name, err, last, test.want)
		}
	}
	if isACL("user.colour", acl(owner)) || isACL("system.posix_acl_access", []byte("short")) {
		t.Error("something else is parsed as a list")
	}
}
