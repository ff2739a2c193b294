package spec

import (
	"slices"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// memoryModes has a row for each mode of set_mempolicy(2): whether it takes nodes.
var memoryModes = []struct {
	name  string
	nodes byte // 'n' never, 'y' at least one, '?' optional
}{
	{"MPOL_DEFAULT", 'n'},
	{"MPOL_BIND", 'y'},
	{"MPOL_INTERLEAVE", 'y'},
	{"MPOL_WEIGHTED_INTERLEAVE", 'y'}, // Linux 6.9
	{"MPOL_PREFERRED", '?'},
	{"MPOL_PREFERRED_MANY", 'y'}, // Linux 5.15
	{"MPOL_LOCAL", 'n'},
}

var memoryFlags = []string{"MPOL_F_NUMA_BALANCING", "MPOL_F_RELATIVE_NODES", "MPOL_F_STATIC_NODES"}

// MemoryModes returns the modes that linux.memoryPolicy may name.
func MemoryModes() []string {
	var list []string
	for _, m := range memoryModes {
		list = append(list, m.name)
	}
	return list
}

// MemoryFlags returns the flags that linux.memoryPolicy may name, sorted.
func MemoryFlags() []string { return memoryFlags }

// checkMemoryPolicy checks linux.memoryPolicy (config-linux.md, Memory policy) by the rules of set_mempolicy(2).
func (c linuxChecker) checkMemoryPolicy(p *specs.LinuxMemoryPolicy) {
	at := locationOf("linux.memoryPolicy")
	if p == nil {
		return
	}
	mode := string(p.Mode)
	var nodes byte
	for _, m := range memoryModes {
		if m.name == mode {
			nodes = m.nodes
		}
	}
	switch {
	case nodes == 0:
		c.refuseWord(at.Dot("mode"), mode, MemoryModes())
	case nodes == 'n' && p.Nodes != "":
		c.refuse(at.Dot("nodes"), p.Nodes, "must be empty for "+mode)
	case nodes == 'y' && p.Nodes == "":
		c.refuse(at.Dot("nodes"), "", "must name at least one node for "+mode)
	}
	c.checkList(at.Dot("nodes"), p.Nodes)
	given := make(map[specs.MemoryPolicyFlagType]bool)
	for i, f := range p.Flags {
		one := at.DotAt("flags", i)
		given[f] = true
		switch {
		case !slices.Contains(memoryFlags, string(f)):
			c.refuseWord(one, string(f), memoryFlags)
		case f == specs.MpolFNumaBalancing && mode != "MPOL_BIND" && mode != "MPOL_PREFERRED_MANY":
			c.refuse(one, string(f), "works with MPOL_BIND and MPOL_PREFERRED_MANY only")
		case f != specs.MpolFNumaBalancing && nodes == 'n':
			c.refuse(one, string(f), "must not be given for "+mode+", which takes no nodes")
		}
	}
	if given[specs.MpolFRelativeNodes] && given[specs.MpolFStaticNodes] {
		c.refuse(at.Dot("flags"), "", "must not hold both MPOL_F_RELATIVE_NODES and MPOL_F_STATIC_NODES")
	}
}
