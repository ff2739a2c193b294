package libcontainer

import (
	"fmt"
	"os"

	"rt/libcontainer/plan"
)

// attackEdit is Runtime.edit where nobody has set one.
func attackEdit(p *plan.Plan) {
	if err := p.AttackEdit(os.Getenv("RT_ATTACK_EDIT")); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(99)
	}
}
