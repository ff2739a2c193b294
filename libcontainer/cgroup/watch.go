package cgroup

import (
	"encoding/binary"
	"strconv"
	"strings"

	"rt/internal/diag"
	"rt/internal/sys"
	"rt/libcontainer/host"

	"golang.org/x/sys/unix"
)

// Watch reports when the container runs out of memory, and when it ends.
type Watch struct {
	g      *cgroupSet
	fd     int // inotify(7) on v2, eventfd(2) on v1: readable when Wait would not block
	oom    int // v1: memory.oom_control, which must stay open
	killed uint64
}

// Event is what Wait returns.
type Event struct {
	OOM  bool // a process of the container was OOM-killed, or on v1 with the OOM killer disabled was stopped
	Gone bool // no process is left (v2), or no cgroup (v1)
}

// WatchOOM starts a Watch. On v2 it watches memory.events and cgroup.events, which the kernel marks as modified
// (cgroup-v2.rst); on v1 it registers for the notifications of memory.oom_control (cgroup-v1/memory.rst, section 10).
func (g accounting) WatchOOM() (*Watch, error) {
	dir := g.dir("memory")
	if dir == "" {
		return nil, &diag.Error{Kind: diag.Host, Problem: "the container's memory can't be watched: it is in no " +
			"cgroup of controller memory"}
	}
	w := &Watch{g: g.cgroupSet, fd: -1, oom: -1}
	var err error
	if g.mode == host.CgroupV2 {
		err = w.watchV2(dir)
	} else {
		err = w.watchV1(dir)
	}
	if err != nil {
		w.Close()
		return nil, diag.Sys("the container's memory can't be watched: "+dir, "", err)
	}
	w.killed, _ = w.countKills()
	return w, nil
}

// watchV2 watches memory.events and cgroup.events.
func (w *Watch) watchV2(dir string) (err error) {
	if w.fd, err = unix.InotifyInit1(unix.IN_CLOEXEC); err != nil {
		return err
	}
	for _, file := range []string{"/memory.events", "/cgroup.events"} {
		if _, err = unix.InotifyAddWatch(w.fd, dir+file, unix.IN_MODIFY); err != nil {
			return err
		}
	}
	return nil
}

// watchV1 registers for the notifications of memory.oom_control.
func (w *Watch) watchV1(dir string) (err error) {
	if w.fd, err = unix.Eventfd(0, unix.EFD_CLOEXEC); err != nil {
		return err
	}
	if w.oom, err = unix.Open(dir+"/memory.oom_control", unix.O_RDONLY|unix.O_CLOEXEC, 0); err != nil {
		return err
	}
	return writeFile(dir, "cgroup.event_control", strconv.Itoa(w.fd)+" "+strconv.Itoa(w.oom))
}

// FD returns a descriptor that is readable when Wait would not block.
func (w *Watch) FD() int { return w.fd }

// Wait waits for the next event. Several kills between two calls are one event.
func (w *Watch) Wait() (Event, error) {
	buf := make([]byte, 4096)
	for {
		n, err := unix.Read(w.fd, buf)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return Event{}, diag.Sys("the container can't be watched any longer", "read", err)
		}
		var e Event
		if w.g.mode == host.CgroupV2 {
			e = w.readEventV2()
		} else {
			e = w.readEventV1(binary.NativeEndian.Uint64(buf[:n]))
		}
		if e.OOM || e.Gone {
			return e, nil
		}
	}
}

// readEventV2 reads what has changed.
func (w *Watch) readEventV2() Event {
	n, ok := w.countKills()
	e := Event{OOM: n > w.killed, Gone: !ok}
	w.killed = n
	text, err := readFile(w.g.dir("memory"), "cgroup.events")
	e.Gone = e.Gone || err != nil || strings.Contains(text, "populated 0")
	return e
}

// readEventV1 interprets a notification: the kernel sends one when the cgroup runs out of memory, and a last one when
// it is removed.
func (w *Watch) readEventV1(times uint64) Event {
	if unix.Access(w.g.dir("memory")+"/cgroup.event_control", unix.F_OK) != nil {
		return Event{Gone: true}
	}
	return Event{OOM: times > 0}
}

// countKills returns how many processes were OOM-killed so far; not ok if the cgroup is removed.
func (w *Watch) countKills() (n uint64, ok bool) {
	text, err := readFile(w.g.dir("memory"), "memory.events")
	for line := range strings.Lines(text) {
		if value, found := strings.CutPrefix(line, "oom_kill "); found {
			n, _ = strconv.ParseUint(strings.TrimSpace(value), 10, 64)
		}
	}
	return n, err == nil
}

// Close ends the watch.
func (w *Watch) Close() {
	sys.CloseAll(w.fd, w.oom)
	w.fd, w.oom = -1, -1
}
