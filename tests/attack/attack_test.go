package attack

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// attack is one attack, and the ways to take its defence away: see doc.go.
type attack struct {
	name    string
	what    string
	try     func(s *stage) (won string)
	without []way
	waits   bool          // it mostly waits, and may run at the same time as others
	lacks   func() string // what this machine lacks for the attack, "" if nothing
}

// way is one way to take a defence away: a change of the plan, or of the source.
type way struct {
	edit    string
	on      string // commands whose plans are edited, separated by spaces; "" is "run create"
	patches []patch
	name    string
}

// patch replaces text of a source file of the tree; OFF in the new text is true when the way is tried.
type patch struct{ file, old, new string }

// environment is what tells the binary without defences which one to do without.
func (w *way) environment(s *stage, command string) []string {
	if w == nil {
		return nil
	}
	env := []string{"RT_ATTACK_OFF=" + w.name}
	on := w.on
	if on == "" {
		on = "run create"
	}
	if w.edit != "" && strings.Contains(" "+on+" ", " "+command+" ") {
		env = append(env, "RT_ATTACK_EDIT="+strings.NewReplacer("$DIR", s.dir, "$ROOTFS", s.rootfs, "$VICTIM",
			s.victim).Replace(w.edit))
	}
	return env
}

// attacks are all of them; each of the files attacks_*_test.go adds its own in an init, so that two new ones have no
// line in common.
var attacks []attack

func add(list []attack) { attacks = append(attacks, list...) }

// TestAttacks runs every attack, with the defence and without it.
func TestAttacks(t *testing.T) {
	needsRoot(t)
	for i := range attacks {
		a := &attacks[i]
		t.Run(a.name+": "+a.what, func(t *testing.T) {
			together := func(t *testing.T) {
				if a.waits {
					t.Parallel()
				}
			}
			if a.lacks != nil {
				if what := a.lacks(); what != "" {
					t.Skip("needs " + what)
				}
			}
			together(t)
			t.Run("with the defence", func(t *testing.T) {
				together(t)
				if won := a.try(newStage(t, nil)); won != "" {
					t.Errorf("the attack succeeds: %s", won)
				}
			})
			if len(a.without) == 0 {
				t.Error("the attack has no way to do without the defence, so it was never seen to succeed")
			}
			for k := range a.without {
				w := &a.without[k]
				t.Run("without", func(t *testing.T) {
					together(t)
					if why := lost[w.name]; why != "" {
						t.Fatal(why)
					}
					// Some attacks race with rt, and lose a few rounds on a busy machine.
					const rounds = 8
					won := ""
					for round := 0; won == "" && round < rounds; round++ {
						won = a.try(newStage(t, w))
					}
					must(t, w.report(a, won))
					if won == "" {
						t.Fatal("the defence is taken away, and the attack does not notice")
					}
					t.Log("won: " + won)
				})
			}
		})
	}
}

// TestTable compares the attacks with docs/security.md: each row of its table is attacked, and each number that is
// attacked stands there.
func TestTable(t *testing.T) {
	text, err := os.ReadFile("../../docs/security.md")
	must(t, err)
	number := regexp.MustCompile(`CVE-\d+-\d+`)
	rows := regexp.MustCompile(`(?m)^\| CVE-[^|]*\|`).FindAllString(string(text), -1)
	if len(rows) < 20 {
		t.Fatalf("found %d rows: has the form of the table changed?", len(rows))
	}
	files, err := filepath.Glob("attacks_*_test.go")
	must(t, err)
	for _, file := range files {
		source, err := os.ReadFile(file)
		must(t, err)
		for _, list := range regexp.MustCompile(`(?m)^var (attacksOn\w+)`).FindAllSubmatch(source, -1) {
			if !strings.Contains(string(source), "add("+string(list[1])+")") {
				t.Errorf("%s: nobody adds %s", file, list[1])
			}
		}
	}
	attacked := make(map[string]bool)
	for i := range attacks {
		for _, n := range number.FindAllString(attacks[i].name, -1) {
			attacked[n] = true
			if !strings.Contains(string(text), n) {
				t.Errorf("%s is attacked, and docs/security.md does not have it", n)
			}
		}
	}
	for _, row := range rows {
		for _, n := range number.FindAllString(row, -1) {
			if !attacked[n] {
				t.Errorf("%s: no attack has this number", n)
			}
		}
	}
}

// TestOrdinaryBinary looks for what only the binary without defences may have.
func TestOrdinaryBinary(t *testing.T) {
	needsRoot(t)
	for binary, want := range map[string]bool{plainRT: false, bareRT: true} {
		text, err := os.ReadFile(binary)
		must(t, err)
		for _, word := range []string{"RT_ATTACK_EDIT", "RT_ATTACK_OFF", "AttackEdit"} {
			if got := strings.Contains(string(text), word); got != want && (got || word != "RT_ATTACK_OFF") {
				t.Errorf("%s: %s is in it: %v", binary, word, got)
			}
		}
	}
}

func needsRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	if busybox == "" {
		t.Skip("needs busybox-static for an image")
	}
}
