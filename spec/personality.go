package spec

import specs "github.com/opencontainers/runtime-spec/specs-go"

var personalityDomains = []string{"LINUX", "LINUX32"}

// personality checks linux.personality (config-linux.md, Personality; personality(2)). The specification defines no
// flag yet.
func (c *checker) personality(p *specs.LinuxPersonality) {
	at := locationOf("linux.personality")
	if p == nil {
		return
	}
	if !containsWord(personalityDomains, string(p.Domain)) {
		c.unknownWord(at.Dot("domain"), string(p.Domain), personalityDomains)
	}
	for i, f := range p.Flags {
		c.bad(at.DotAt("flags", i), string(f), "is not known: the specification defines no flags")
	}
}
