package copyup

import (
	"encoding/binary"
	"slices"

	"golang.org/x/sys/unix"
)

// An access control list (acl(5)) as an extended attribute is a version and a row of entries: a tag, permissions and
// an id, in this order, which the kernel wants sorted.
const (
	aclHead  = 4
	aclEntry = 8
	aclUser  = 0x02 // the tag of an entry for the user with the id
	aclGroup = 0x08
)

// setMapped sets an access control list by set, without the entries whose id the user namespace of the tmpfs lacks:
// nobody in the container has such an id, so these entries neither give nor take rights there. A directory of Debian's,
// /var/log/journal, has an entry for the host's group adm.
//
// No call tells whether an id is mapped, so each such entry is tried alone.
func setMapped(list []byte, set func([]byte) error) error {
	var plain []byte
	for entry := range slices.Chunk(list[aclHead:], aclEntry) {
		if !named(entry) {
			plain = append(plain, entry...)
		}
	}
	kept := slices.Clone(list[:aclHead])
	for entry := range slices.Chunk(list[aclHead:], aclEntry) {
		if named(entry) && set(withNamed(list[:aclHead], plain, entry)) != nil {
			continue
		}
		kept = append(kept, entry...)
	}
	return set(kept)
}

// withNamed returns a list with one named entry, in the order that the kernel wants.
func withNamed(head, plain, entry []byte) []byte {
	list := slices.Clone(head)
	for other := range slices.Chunk(plain, aclEntry) {
		if entry != nil && tag(other) > tag(entry) {
			list = append(list, entry...)
			entry = nil
		}
		list = append(list, other...)
	}
	return list
}

func named(entry []byte) bool { return tag(entry) == aclUser || tag(entry) == aclGroup }

func tag(entry []byte) uint16 { return binary.LittleEndian.Uint16(entry) }

// isACL reports whether an extended attribute is an access control list that can be parsed.
func isACL(attribute string, value []byte) bool {
	return (attribute == "system.posix_acl_access" || attribute == "system.posix_acl_default") &&
		len(value) >= aclHead && (len(value)-aclHead)%aclEntry == 0
}

// setExtended sets an extended attribute of a copy.
func setExtended(out int, attribute string, value []byte) error {
	set := func(v []byte) error { return unix.Fsetxattr(out, attribute, v, 0) }
	err := set(value)
	if err == unix.EINVAL && isACL(attribute, value) {
		return setMapped(value, set)
	}
	return err
}
