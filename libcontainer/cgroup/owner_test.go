package cgroup

import (
	"testing"

	"golang.org/x/sys/unix"
)

// takeAgain makes a container's Group in the cgroup of another one that has ended.
func takeAgain(t *testing.T, first *Group) *Group {
	t.Helper()
	first.Close() // the lock of claim
	next, err := New(first.config)
	if err != nil {
		t.Fatal(err)
	}
	if err := create(next); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(next.Close)
	return next
}

// loadEnded loads the Group of a container whose first process has ended.
func loadEnded(t *testing.T, s Saved) *Group {
	t.Helper()
	g, err := Load(s)
	if err != nil {
		t.Fatal(err)
	}
	g.LeaveToOthers()
	return g
}

func TestOwner(t *testing.T) {
	first := newGroup(t, nil)
	if err := create(first); err != nil {
		t.Fatal(err)
	}
	if !loadEnded(t, first.Saved()).Available() {
		t.Error("a container has lost the cgroup that no other one has taken")
	}
	older := first.Saved()
	older.Owner = ""
	second := takeAgain(t, first)
	if loadEnded(t, first.Saved()).Available() {
		t.Error("a container that has ended still has the cgroup of another one")
	}
	if loadEnded(t, older).Available() {
		t.Error("a container of an older rt that has ended still has the cgroup of another one")
	}
	if !loadEnded(t, second.Saved()).Available() {
		t.Error("the container that has taken the cgroup has lost it")
	}
	if len(second.Saved().Preexisting) > 0 {
		t.Error("a cgroup that an earlier container has made is not removed with the last one")
	}
}

func TestOwnerUnnamed(t *testing.T) {
	first := newGroup(t, nil)
	if err := create(first); err != nil {
		t.Fatal(err)
	}
	// As an older rt has made it, or one without CAP_SYS_ADMIN.
	if err := unix.Removexattr(first.processesDir(), ownerAttr); err != nil {
		t.Fatal(err)
	}
	for _, owner := range []string{"", first.owner} {
		s := first.Saved()
		s.Owner = owner
		if !loadEnded(t, s).Available() {
			t.Errorf("owner %q: a container has lost a cgroup that names none", owner)
		}
	}
}

func TestOwnerOfKeptCgroup(t *testing.T) {
	g := newGroup(t, nil)
	for i := range g.hierarchies {
		if err := (&lifecycle{cgroupSet: g.cgroupSet}).makeIn(&g.hierarchies[i]); err != nil {
			t.Fatal(err)
		}
	}
	first := takeAgain(t, g)
	for range 2 {
		if n := len(first.Saved().Preexisting); n != len(g.hierarchies) {
			t.Errorf("%d cgroups are kept of %d that existed before the first container", n, len(g.hierarchies))
		}
		first = takeAgain(t, first)
	}
}
