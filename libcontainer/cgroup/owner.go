package cgroup

import (
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// ownership is which container uses the cgroup. Another one may use it before the first, which has ended, is deleted:
// its path may be the same, or its unit of systemd. What the state of the first one says of its cgroup then leads to
// the processes of the second. So a cgroup names its container, in an extended attribute. Only CAP_SYS_ADMIN in the
// initial user namespace can see or change it (trusted in xattr(7)): without that, rt names no container and finds
// none.
type ownership struct{ *cgroupSet }

// ownerAttr is the attribute: the owner, and keptMark if the cgroup existed before the first container that used it.
const ownerAttr = "trusted.rt.owner"

const keptMark = " kept"

// newOwner returns a name for a container that no other one has had.
func newOwner() string {
	const base = 36
	return strconv.FormatInt(time.Now().UnixNano(), base) + "-" + strconv.Itoa(os.Getpid())
}

// take names the container in its cgroup. A cgroup that an earlier container has made, and left behind, is removed with
// this one.
func (g ownership) take() {
	dir := g.processesDir()
	if dir == "" {
		return
	}
	before, named := ownerOf(dir)
	inherits := named && !strings.HasSuffix(before, keptMark)
	mark := g.owner
	for i := range g.hierarchies {
		h := &g.hierarchies[i]
		h.preexisting = h.preexisting && !inherits
		if h.preexisting {
			mark = g.owner + keptMark
		}
	}
	_ = unix.Setxattr(dir, ownerAttr, []byte(mark), 0)
}

// LeaveToOthers has the Group forget its cgroup if another container has taken that since. It is for a container whose
// first process has ended, or was never in the cgroup: as long as it is there, no other container can take it.
func (g ownership) LeaveToOthers() {
	if g.IsTaken() {
		g.hierarchies = nil
	}
}

// IsTaken reports whether the cgroup names another container. A state without an owner is of an older rt, which has
// named none either, so any name is that of another container.
func (g ownership) IsTaken() bool {
	dir := g.processesDir()
	if dir == "" {
		return false
	}
	mark, named := ownerOf(dir)
	return named && strings.TrimSuffix(mark, keptMark) != g.owner
}

// ownerOf returns what a cgroup says of its container.
func ownerOf(dir string) (mark string, named bool) {
	var text [128]byte
	n, err := unix.Getxattr(dir, ownerAttr, text[:])
	return string(text[:max(n, 0)]), err == nil
}
