package plan

import (
	"rt/internal/diag"
	"rt/libcontainer/plan/rules"
)

// check refuses a plan that breaks a rule of docs/security.md. That is a bug in this package, and no config should be
// able to cause it.
func (c *compiler) check() error {
	subject := rules.Subject{
		Program: &c.plan.Program, Harmless: make([]bool, len(c.plan.FDs)), Joining: c.joins != joinsNone,
		Trusting: c.trustsNeighbours(),
		Rights:   c.grantedRights(), Rootfs: c.spec.Rootfs,
	}
	for i := range c.plan.Files {
		subject.Harmless[i] = harmless(c.plan.Files[i].Kind)
	}
	return refuse(rules.Check(&subject))
}

// refuse returns the error for a breach of a rule.
func refuse(breach error) error {
	if breach != nil {
		return &diag.Error{
			Kind: diag.Host, Problem: breach.Error(),
			Hint: "this is a mistake in rt: report it with the config.json",
		}
	}
	return nil
}

// grantedRights returns the rights that the config gives the program. Sets may contain capabilities that this kernel
// does not know.
func (c *compiler) grantedRights() *rules.Rights {
	p := c.spec.Process
	if p == nil {
		return nil
	}
	unknown := ^(uint64(1)<<(c.host.CapLast+1) - 1)
	r := rules.Rights{Bounding: unknown, Extra: c.extraCaps, NoNewPrivs: p.NoNewPrivs, Filter: c.opt.Filter != nil}
	if caps := p.Capabilities; caps != nil {
		r.Bounding, r.Permitted, r.Effective = unknown|caps.Bounding, caps.Permitted, caps.Effective
	}
	return &r
}
