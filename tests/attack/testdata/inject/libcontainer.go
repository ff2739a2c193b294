package libcontainer

import (
	"fmt"
	"os"

	"rt/libcontainer/plan"
)

// attackEditor returns edit, or attackEdit where nobody has set one.
func attackEditor(edit func(*plan.Plan)) func(*plan.Plan) {
	if edit == nil {
		return attackEdit
	}
	return edit
}

// attackEdit is Runtime.edit where nobody has set one.
func attackEdit(p *plan.Plan) {
	if err := p.AttackEdit(os.Getenv("RT_ATTACK_EDIT")); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(99)
	}
}
