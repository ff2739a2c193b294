package spec

import (
	"slices"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

var personalityDomains = []string{"LINUX", "LINUX32"}

// checkPersonality checks linux.personality (config-linux.md, Personality; personality(2)). The specification defines
// no flag yet.
func (c linuxChecker) checkPersonality(p *specs.LinuxPersonality) {
	at := locationOf("linux.personality")
	if p == nil {
		return
	}
	if !slices.Contains(personalityDomains, string(p.Domain)) {
		c.refuseWord(at.Dot("domain"), string(p.Domain), personalityDomains)
	}
	for i, f := range p.Flags {
		c.refuse(at.DotAt("flags", i), string(f), "is not known: the specification defines no flags")
	}
}
