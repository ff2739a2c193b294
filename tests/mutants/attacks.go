package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// attack is a row of tests/attack: what an attack gains from rt without one of its defences.
type attack struct{ Attack, What, Defence, Won string }

// attack runs tests/attack, each of whose rows takes out one defence. An attack that fails without it has not noticed
// that.
func (r *rig) attack() error {
	root, err := sourceTree()
	if err != nil {
		return err
	}
	file := r.base + "/attacks"
	fmt.Println("attacks, each with its defences and without one of them")
	cmd := exec.Command("go", "test", "-count=1", "-timeout=30m", "-run", "^TestAttacks$", "./tests/attack")
	cmd.Dir, cmd.Env = root, append(os.Environ(), "CGO_ENABLED=0", "ATTACK_REPORT="+file)
	out, failed := cmd.CombinedOutput()
	if failed != nil {
		fmt.Println(string(out))
		r.wrong = append(r.wrong, "tests/attack: "+failed.Error())
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return errors.Join(fmt.Errorf("tests/attack has reported nothing: %w", err), failed)
	}
	for line := range strings.Lines(string(text)) {
		var a attack
		if err := json.Unmarshal([]byte(line), &a); err != nil {
			return fmt.Errorf("the report of tests/attack: %w", err)
		}
		r.attacks = append(r.attacks, a)
	}
	return nil
}

// row is the attack in the table. Its step is what was taken out.
func (a *attack) row() string {
	by := "the attack: " + a.Won
	if a.Won == "" {
		by = "**nothing**"
	}
	return fmt.Sprintf("| attack: %s | | `%s` | %s | %s | %s |\n", cell(a.Attack), cell(a.Defence), cell(a.What),
		dropped, cell(strings.Join(strings.Fields(by), " ")))
}
