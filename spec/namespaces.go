package spec

import (
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// namespaceTypes has a row for each type of config-linux.md#configLinuxNamespaces, sorted.
var namespaceTypes = []struct {
	name specs.LinuxNamespaceType
	flag uintptr
}{
	{specs.CgroupNamespace, unix.CLONE_NEWCGROUP},
	{specs.IPCNamespace, unix.CLONE_NEWIPC},
	{specs.MountNamespace, unix.CLONE_NEWNS},
	{specs.NetworkNamespace, unix.CLONE_NEWNET},
	{specs.PIDNamespace, unix.CLONE_NEWPID},
	{specs.TimeNamespace, unix.CLONE_NEWTIME},
	{specs.UserNamespace, unix.CLONE_NEWUSER},
	{specs.UTSNamespace, unix.CLONE_NEWUTS},
}

// NamespaceTypes returns the types that linux.namespaces may name, sorted.
func NamespaceTypes() []string {
	var list []string
	for _, t := range namespaceTypes {
		list = append(list, string(t.name))
	}
	return list
}

// NamespaceName returns the type, as linux.namespaces spells it, of a CLONE_NEW* flag.
func NamespaceName(flag uintptr) string {
	for _, t := range namespaceTypes {
		if t.flag == flag {
			return string(t.name)
		}
	}
	return ""
}

// namespaces checks linux.namespaces. setns(2) will decide whether a path is of the right type.
func (c *checker) namespaces(list []specs.LinuxNamespace, s *Spec) {
	c.unsure = !c.isDecoded("linux.namespaces")
	all := locationOf("linux.namespaces")
	var seen uintptr
	for i, n := range list {
		at := all.At(i)
		var flag uintptr
		for _, t := range namespaceTypes {
			if t.name == n.Type {
				flag = t.flag
			}
		}
		switch {
		case flag == 0:
			c.unknownWord(at.Dot("type"), string(n.Type), NamespaceTypes())
			c.unsure = true // it may be the one that something else needs
			continue
		case seen&flag != 0:
			c.bad(at.Dot("type"), string(n.Type), "is given twice: a process is in one namespace of each type")
			continue
		}
		seen |= flag
		switch {
		case n.Path == "":
			s.Namespaces.New |= flag
		case n.Path[0] != '/':
			c.bad(at.Dot("path"), n.Path, "must be an absolute path, such as /proc/1234/ns/"+string(n.Type))
			c.unsure = true
		default:
			s.Namespaces.Join = append(s.Namespaces.Join, Join{Flag: flag, Path: n.Path, Index: i})
		}
	}
}

// requireNamespace complains if the container has no namespace of type flag of its own, without which the value at a
// location makes no sense. otherwise says what would happen.
func (c *checker) requireNamespace(at location, flag uintptr, s *Spec, otherwise string) bool {
	if s.Namespaces.Has(flag) || c.unsure {
		return true
	}
	name := NamespaceName(flag)
	c.bad(at, "", `needs {"type": "`+name+`"} in linux.namespaces: without it, `+otherwise)
	return false
}
