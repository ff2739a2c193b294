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

// NamespaceName returns the type, as linux.namespaces spells it, of a CLONE_NEW* flag; "" if it is the flag of none.
func NamespaceName(flag uintptr) string {
	for _, t := range namespaceTypes {
		if t.flag == flag {
			return string(t.name)
		}
	}
	return ""
}

// namespaceChecker checks linux.namespaces, and the properties that describe these namespaces: id mappings and offsets
// of clocks.
type namespaceChecker struct{ *configChecker }

// check checks linux.namespaces. setns(2) will decide whether a path is of the right type.
func (c namespaceChecker) check(list []specs.LinuxNamespace) {
	c.namespacesUnclear = !c.isDecoded("linux.namespaces")
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
			c.refuseWord(at.Dot("type"), string(n.Type), NamespaceTypes())
			c.namespacesUnclear = true // it may be the one that something else needs
			continue
		case seen&flag != 0:
			c.refuse(at.Dot("type"), string(n.Type), "is given twice: a process is in one namespace of each type")
			continue
		}
		seen |= flag
		switch {
		case n.Path == "":
			c.spec.Namespaces.New |= flag
		case n.Path[0] != '/':
			c.refuse(at.Dot("path"), n.Path, "must be an absolute path, such as /proc/1234/ns/"+string(n.Type))
			c.namespacesUnclear = true
		default:
			c.spec.Namespaces.Join = append(c.spec.Namespaces.Join, Join{Flag: flag, Path: n.Path, Index: i})
		}
	}
}

// requireNamespace refuses the value at a location if the container has no namespace of type flag of its own. The
// clause otherwise says what would happen. It reports whether there is one, or may be one.
func (c *configChecker) requireNamespace(at location, flag uintptr, otherwise string) bool {
	if c.spec.Namespaces.Has(flag) || c.namespacesUnclear {
		return true
	}
	name := NamespaceName(flag)
	c.refuse(at, "", `needs {"type": "`+name+`"} in linux.namespaces: without it, `+otherwise)
	return false
}
