// Package audit reads the properties of a running container from the kernel, and compares them with its config.
//
// It trusts nothing that the container can write, and waits for nothing that the container can mount. It reads
// privileges, namespaces and limits from the host's procfs and cgroupfs, and looks up paths of the container with
// package mounttable.
package audit

import (
	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/libcontainer/cgroup"
	"rt/libcontainer/mounttable"
	"rt/libcontainer/process"
	"rt/spec"
)

// Property is one property of a container. The container can choose parts of Name and Actual.
type Property struct {
	Subject  string // what it is about: "mounts"
	Name     string // which one: "/proc"
	Actual   string // its value in the kernel: "proc rw,relatime"
	Expected string // the value that the config requires; "" if it requires none
	Field    string // the property of config.json; "" if there is none
	Finding  string // a clause that says how Actual differs; "" if it does not
}

// Target is a container to be examined.
type Target struct {
	Pid        int   // of its init
	Pids       []int // of all its processes
	Spec       *spec.Spec
	Group      *cgroup.Group
	StrictPids bool     // a pids.limit of 0 is a limit, as since version 1.3.0 of the runtime specification
	Added      []string // destinations of the mounts and devices that rt has added to the running container
}

// report collects the properties.
type report struct {
	*Target
	list []Property
}

// Examine returns the properties of a container, in a stable order.
func Examine(t *Target) ([]Property, error) {
	r := &report{Target: t}
	first, err := process.ReadStatus(t.Pid)
	if err != nil {
		return nil, err
	}
	self, err := process.ReadStatus(0)
	if err != nil {
		return nil, err
	}
	if t.Spec.Process != nil {
		r.compareUser(first)
		r.compareRestrictions(first, self)
		r.compareCapabilities(first, self)
		r.compareRlimits()
	}
	if err := r.compareNamespaces(); err != nil {
		return nil, err
	}
	r.compareIDMaps()
	if t.Spec.Process != nil {
		r.compareOtherProcesses(first)
	}
	if err := r.compareCgroup(); err != nil {
		return nil, err
	}
	if !t.Spec.Namespaces.Has(unix.CLONE_NEWNS) {
		return r.list, nil
	}
	table, err := mounttable.Load(t.Pid)
	if err != nil {
		return nil, err
	}
	m, err := newMounts(r, table)
	if err != nil {
		return nil, err
	}
	defer m.close()
	m.compareAll()
	return r.list, nil
}

// add adds a property. finding is "" if the property is as the config requires.
func (r *report) add(subject, name, field, actual, expected, finding string) {
	r.list = append(r.list, Property{subject, name, actual, expected, field, finding})
}

// compare adds a property, with the finding if actual is not expected.
func (r *report) compare(subject, name, field, actual, expected, finding string) {
	if actual == expected {
		finding = ""
	}
	r.add(subject, name, field, actual, expected, finding)
}

// readError returns the error about an entry of a procfs that can't be read: the container may have ended.
func readError(what, call string, err error) error {
	return diag.Sys(what+" of the container can't be read", call, err)
}
