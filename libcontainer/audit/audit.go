// Package audit reads from the kernel what a running container has, and compares it with the config.
//
// Nothing that the container can write is trusted, and nothing that it can mount is waited for: rights, namespaces and
// limits are read from the host's procfs and cgroupfs, and paths are walked by package mounttable.
package audit

import (
	"rt/internal/diag"
	"rt/libcontainer/cgroup"
	"rt/libcontainer/mounttable"
	"rt/spec"
)

// Property is what the kernel has of a container in one respect. Now and Name may have text of the container's choice.
type Property struct {
	Subject  string // "mounts"
	Name     string // "/proc"
	Actual   string // what the kernel has: "proc rw,relatime"
	Expected string // what the config gives; "" if it gives nothing
	Field    string // of config.json; "" if the property is of no field
	Finding  string // how Now differs, as a clause; "" if it does not
}

// Target is a container to be examined.
type Target struct {
	Pid        int   // of its first process
	Pids       []int // of all of its processes
	Spec       *spec.Spec
	Group      *cgroup.Group
	StrictPids bool     // a pids.limit of 0 is a limit
	Added      []string // destinations of mounts and devices that rt has added to the running container
}

// report collects the properties.
type report struct {
	*Target
	list []Property
}

// Examine returns the properties of a container, in a stable order.
func Examine(t *Target) ([]Property, error) {
	r := &report{Target: t}
	first, err := readStatus(t.Pid)
	if err != nil {
		return nil, err
	}
	self, err := readStatus(0)
	if err != nil {
		return nil, err
	}
	if t.Spec.Process != nil {
		r.user(first)
		r.restrictions(first, self)
		r.capabilities(first, self)
		r.rlimits()
	}
	if err := r.namespaces(); err != nil {
		return nil, err
	}
	r.idMaps()
	if t.Spec.Process != nil {
		r.others(first)
	}
	if err := r.cgroup(); err != nil {
		return nil, err
	}
	if !t.Spec.Namespaces.Has(cloneNewNS) {
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
	m.compare()
	return r.list, nil
}

// add adds a property that is as the config wants it, or that the config says nothing about.
func (r *report) add(subject, name, field, now, expected string) {
	r.list = append(r.list, Property{Subject: subject, Name: name, Actual: now, Expected: expected, Field: field})
}

// differs adds a property that differs.
func (r *report) differs(subject, name, field, now, expected, finding string) {
	r.list = append(r.list, Property{subject, name, now, expected, field, finding})
}

// compare adds a property, with the finding if now is not as wanted.
func (r *report) compare(subject, name, field, now, expected, finding string) {
	if now == expected {
		finding = ""
	}
	r.differs(subject, name, field, now, expected, finding)
}

// unreadable is the error for an entry of a procfs that can't be read: the container may have ended.
func unreadable(what, call string, err error) error {
	return diag.Sys(what+" of the container can't be read", call, err)
}
