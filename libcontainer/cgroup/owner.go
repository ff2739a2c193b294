package cgroup

import (
	"os"
	"path"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// ownership records which container uses the cgroup, in an extended attribute of the cgroup. A second container may
// have the same path, or the same unit of systemd, as one that has ended and is not deleted yet. The cgroup that the
// state of the first names then has the processes of the second.
type ownership struct{ *cgroupSet }

// The attribute: the owner, followed by preexistingMark if the cgroup existed before the first container that used it.
//
// Only CAP_SYS_ADMIN in the initial user namespace can see or change one of the namespace trusted (xattr(7)). Without
// that rt writes one of the namespace user (cgroup2, Linux 5.7), to the parent of the cgroup and with its name: a
// container whose own cgroup is writable does not reach the parent. The value ends in the inode number of the cgroup:
// the attribute stays if something else than rt removes the cgroup, and says nothing of a later one of that path.
const (
	ownerAttr     = "trusted.rt.owner"
	userOwnerAttr = "user.rt.owner."
)

// preexistingMark ends the attribute of a cgroup that existed before its container. Other versions of rt read it.
const preexistingMark = " kept"

// newOwner returns a unique name for a container.
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
	inherits := named && !strings.HasSuffix(before, preexistingMark)
	mark := g.owner
	for i := range g.hierarchies {
		h := &g.hierarchies[i]
		h.preexisting = h.preexisting && !inherits
		if h.preexisting {
			mark = g.owner + preexistingMark
		}
	}
	setOwner(dir, mark)
}

// LeaveToOthers has the Group forget its cgroup if another container has taken that since. It is for a container whose
// first process has ended, or was never in the cgroup: as long as it is there, no other container can take it. If the
// cgroup is not taken, no other container takes it until Close.
func (g ownership) LeaveToOthers() {
	begin := time.Now()
	for pause := time.Millisecond; ; pause = min(2*pause, lockPause) {
		locked := g.locked > 0
		if g.IsTaken() {
			g.unlock()
			g.hierarchies = nil
			return
		}
		if locked {
			return
		}
		switch err := g.tryLock(); {
		case err == nil && g.locked > 0:
			continue // it may have been taken before the lock
		case err != unix.EAGAIN:
			return // it was removed, or can't be locked
		case time.Since(begin) > lockPatience:
			return // not by a create, which names its container at once
		}
		time.Sleep(pause)
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
	return named && strings.TrimSuffix(mark, preexistingMark) != g.owner
}

// ownerOf returns the attribute of a cgroup.
func ownerOf(dir string) (mark string, named bool) {
	var text [128]byte
	n, err := unix.Getxattr(dir, ownerAttr, text[:])
	if err == nil {
		return string(text[:n]), true
	}
	n, err = unix.Getxattr(path.Dir(dir), userOwnerAttr+path.Base(dir), text[:])
	if err != nil {
		return "", false
	}
	mark, inode, ok := strings.Cut(string(text[:n]), inodeMark)
	return mark, ok && inode == inodeOf(dir)
}

// inodeMark is before the inode number in a value of userOwnerAttr.
const inodeMark = " inode "

// inodeOf returns the inode number of a cgroup in decimal, or "" if it is gone. The kernel never gives it to another
// cgroup: it counts them in 64 bits.
func inodeOf(dir string) string {
	var st unix.Stat_t
	if unix.Lstat(dir, &st) != nil {
		return ""
	}
	return strconv.FormatUint(st.Ino, 10)
}

// setOwner sets the attribute of a cgroup, if the kernel allows that.
func setOwner(dir, mark string) {
	if unix.Setxattr(dir, ownerAttr, []byte(mark), 0) != unix.EPERM {
		return
	}
	above, value := path.Dir(dir), []byte(mark+inodeMark+inodeOf(dir))
	err := unix.Setxattr(above, userOwnerAttr+path.Base(dir), value, 0)
	if err == unix.ENOSPC { // the kernel keeps 128 of them
		removeOldOwners(above)
		_ = unix.Setxattr(above, userOwnerAttr+path.Base(dir), value, 0)
	}
}

// removeName removes what setOwner has written to the parent of a cgroup that is about to be removed.
func (g ownership) removeName() {
	dir := g.processesDir()
	if !g.rootless || dir == "" {
		return
	}
	for i := range g.hierarchies {
		if g.hierarchies[i].preexisting {
			return // it stays, and so does its name
		}
	}
	_ = unix.Removexattr(path.Dir(dir), userOwnerAttr+path.Base(dir))
}

// removeOldOwners removes the attributes of children of above that no longer exist: an rt that was killed left them.
func removeOldOwners(above string) {
	list := make([]byte, 64<<10) // the largest that listxattr(2) returns
	n, err := unix.Listxattr(above, list)
	if err != nil {
		return
	}
	for attr := range strings.SplitSeq(string(list[:n]), "\x00") {
		name, ok := strings.CutPrefix(attr, userOwnerAttr)
		if ok && unix.Access(above+"/"+name, unix.F_OK) == unix.ENOENT {
			_ = unix.Removexattr(above, attr)
		}
	}
}
