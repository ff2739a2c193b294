package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// options are those of the command line.
type options struct {
	every    int  // of so many mutants one is judged
	each     bool // each change is judged in each scenario, and not only until one shows it
	attacked bool // tests/attack is run too
	scenario *regexp.Regexp
	step     *regexp.Regexp
	report   string
	verbose  bool
}

// rig makes the worlds, one after the other, and judges what comes of them.
type rig struct {
	options
	unseen  []*unseen
	base    string
	count   int // of worlds
	judged  []*verdict
	kinds   map[string]*kind
	learned map[string]*knowledge // by the name of the scenario
	sources []*mutant             // those of restore.go
	attacks []attack
	wrong   []string // what is not as it should be, besides the mutants
}

// mutant is a change of one step: testdata/inject/nsenter.go makes it.
type mutant struct {
	Step              int
	Number            int
	Text, Why, Change string

	scenario *scenario
	source   bool // a change of rt's source: restore.go
}

// order is what RT_MUTANT says.
func (m *mutant) order() string {
	if m.source {
		return "source " + strconv.Itoa(m.Number)
	}
	return strconv.Itoa(m.Step) + " " + m.Change
}

// String is the mutant as the report and unseen.txt have it.
func (m *mutant) String() string {
	return m.scenario.name + ": " + m.Text + "  # " + m.Why + " => " + m.Change
}

// probing is the change that shows whether a step is made at all.
const probing = "it fails"

// knowledge is what a scenario shows if nothing is changed.
type knowledge struct {
	facts    map[string]int
	volatile map[string]bool // heads of facts that differ between two runs
	mutants  []*mutant
	made     map[int]bool // steps that are known to be made, or not to be, by their numbers
	patience time.Duration
}

// verdict is what became of a mutant.
type verdict struct {
	*mutant
	by    string // what noticed it; "" nothing
	facts []string
}

func (r *rig) run(unseenFile string) (err error) {
	if r.unseen, err = readUnseen(unseenFile); err != nil {
		return err
	}
	if r.base, err = os.MkdirTemp("/var/tmp", "mutants"); err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(r.base) }()
	if err := os.Chmod(r.base, 0o755); err != nil {
		return err
	}
	if err := os.Mkdir(r.base+"/stage", 0o755); err != nil {
		return err
	}
	if r.sources, err = build(r.base); err != nil {
		return err
	}
	r.kinds, r.learned = make(map[string]*kind), make(map[string]*knowledge)
	began := time.Now()
	for i := range scenarios {
		if err := r.learn(&scenarios[i]); err != nil {
			return fmt.Errorf("%s: %w", scenarios[i].name, err)
		}
	}
	for i := range scenarios {
		s := &scenarios[i]
		if !r.scenario.MatchString(s.name) {
			continue
		}
		fmt.Printf("%-28s %5d mutants\n", s.name, len(r.learned[s.name].mutants))
		for _, m := range r.learned[s.name].mutants {
			if m.Change != probing && r.chosen(m) {
				if err := r.judge(m); err != nil {
					return err
				}
			}
		}
	}
	if r.attacked {
		if err := r.attack(); err != nil {
			return err
		}
	}
	return r.tell(r.unseen, time.Since(began))
}

// chosen reports whether a mutant is judged in this run.
func (r *rig) chosen(m *mutant) bool {
	if !r.step.MatchString(m.String()) {
		return false
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(m.String()))
	return h.Sum32()%uint32(r.every) == 0
}

// learn carries a scenario out unchanged, and lists its mutants.
func (r *rig) learn(s *scenario) error {
	k := &knowledge{volatile: make(map[string]bool), made: make(map[int]bool)}
	r.learned[s.name] = k
	list := r.base + "/list"
	if err := os.WriteFile(list, nil, 0o600); err != nil {
		return err
	}
	defer os.Remove(list)
	if err := os.Chown(list, s.user, s.user); err != nil {
		return err
	}
	order := "list " + list
	if s.restores {
		order = ""
	}
	text, err := r.world(s, order, 20*time.Second)
	if err != nil {
		return err
	}
	k.facts = counted(text)
	began := time.Now()
	again, err := r.world(s, "", 20*time.Second)
	if err != nil {
		return err
	}
	// A busy machine must not be taken for a plan that hangs.
	const shortest, longest = 3 * time.Second, 20 * time.Second
	k.patience = min(max(shortest, 5*time.Since(began)), longest)
	for fact := range difference(k.facts, counted(again)) {
		k.volatile[head(fact)] = true
	}
	if s.restores {
		err = r.restoreSteps(s, k)
	} else {
		err = r.notes(s, k, "trace ")
	}
	if err != nil {
		return err
	}
	for fact := range k.facts {
		if strings.HasPrefix(fact, "rig: ") || !s.refused && strings.HasPrefix(fact, "rt ") &&
			strings.Contains(fact, ": status ") && !strings.HasSuffix(fact, ": status 0") {
			said := slices.DeleteFunc(text, func(f string) bool { return !strings.HasPrefix(f, "r") })
			return fmt.Errorf("it does not work unchanged: %s", strings.Join(said, "; "))
		}
	}
	if !s.restores {
		b, err := os.ReadFile(list)
		if err != nil {
			return err
		}
		if err := json.Unmarshal(b, &k.mutants); err != nil {
			return err
		}
	}
	if s.only != nil {
		k.mutants = slices.DeleteFunc(k.mutants, func(m *mutant) bool { return !s.only.MatchString(m.Text) })
	}
	for _, m := range k.mutants {
		m.scenario = s
		paths := strings.NewReplacer(r.base+"/stage", "STAGE", r.base, "BASE")
		m.Text, m.Why = idOfRun.ReplaceAllString(paths.Replace(m.Text), "ID"), paths.Replace(m.Why)
		for _, name := range []string{m.kind(), m.same()} {
			if r.kinds[name] == nil {
				r.kinds[name] = &kind{}
			}
			r.kinds[name].mutants = append(r.kinds[name].mutants, m)
		}
	}
	return nil
}

// notes learns from a trace which steps are made. What comes behind the last of them was not traced: a container that
// is created and not started, and a seccomp filter, end a trace.
func (r *rig) notes(s *scenario, k *knowledge, order string) error {
	file := r.base + "/trace"
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		return err
	}
	if err := os.Chown(file, s.user, s.user); err != nil {
		return err
	}
	defer os.Remove(file)
	if _, err := r.world(s, order+file, 20*time.Second); err != nil {
		return err
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	last := 0
	for _, found := range regexp.MustCompile(`"step":(\d+)`).FindAllSubmatch(text, -1) {
		n, err := strconv.Atoi(string(found[1]))
		if err != nil {
			return err
		}
		k.made[n] = true
		last = max(last, n)
	}
	for n := 1; n < last; n++ {
		if _, made := k.made[n]; !made {
			k.made[n] = false
		}
	}
	return nil
}

// idOfRun is the id of a container, and what rt adds to it for the name of the session keyring.
var idOfRun = regexp.MustCompile(`mutants-\d+-\d+(\.[0-9a-f]+)?`)

// judge judges a mutant.
func (r *rig) judge(m *mutant) error {
	v := &verdict{mutant: m}
	made, err := r.made(m)
	listed, k := find(r.unseen, m.String()) != nil, r.kinds[m.kind()]
	switch {
	case err != nil:
		return err
	case !made:
		v.by = notMade
	case listed && !r.each && k.unseen >= enough:
		// nothing: so many of the same kind were not noticed
	case listed:
		if v, err = r.try(m); err == nil && v.by == hangs {
			v, err = r.tryFor(m, 20*time.Second) // that may have been a busy machine
		}
		if err != nil {
			return err
		}
		k.unseen++
	case m.Change == dropped && !r.each && r.kinds[m.same()].seen != nil:
		v.by = r.kinds[m.same()].seen.as("the same step")
	case m.Change != dropped && !r.each && k.seen != nil:
		v.by = k.seen.as("a flag of the same kind")
	default:
		if v, err = r.try(m); err != nil {
			return err
		}
		if v.by == "" {
			if v.by, err = r.elsewhere(m); err != nil {
				return err
			}
		}
	}
	r.judged = append(r.judged, v)
	if r.verbose {
		fmt.Printf("%s\n    noticed by: %s\n", m, v.by)
		for _, f := range v.facts[:min(len(v.facts), 12)] {
			fmt.Println("        " + f)
		}
	}
	return nil
}

// elsewhere says which other scenario shows what this one does not, "" if there is none: the same step, or one of its
// kind.
func (r *rig) elsewhere(m *mutant) (string, error) {
	if m.Change == dropped {
		if other, err := r.firstNoticed(m, r.kinds[m.same()]); other != nil || err != nil {
			return other.as("the same step"), err
		}
	}
	other, err := r.firstNoticed(m, r.kinds[m.kind()])
	switch {
	case other == nil || err != nil:
		return "", err
	case m.Change == dropped:
		return other.as("idle here, a step of its kind"), nil
	}
	return other.as("a flag of the same kind"), nil
}

// made reports whether the step of a mutant is made: then its failure is noticed.
func (r *rig) made(m *mutant) (bool, error) {
	k := r.learned[m.scenario.name]
	if made, known := k.made[m.Number]; known || m.source || m.Step < 0 {
		return made || m.Step < 0, nil
	}
	probe := *m
	probe.Change = probing
	v, err := r.try(&probe)
	if err == nil {
		k.made[m.Number] = v.by != ""
	}
	return k.made[m.Number], err
}

// try carries a mutant out and compares what there is to see.
func (r *rig) try(m *mutant) (*verdict, error) {
	return r.tryFor(m, r.learned[m.scenario.name].patience)
}

// tryFor is try with another patience: what takes longer hangs.
func (r *rig) tryFor(m *mutant, patience time.Duration) (*verdict, error) {
	k := r.learned[m.scenario.name]
	facts, err := r.world(m.scenario, m.order(), patience)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", m, err)
	}
	v := &verdict{mutant: m}
	for fact := range difference(k.facts, counted(facts)) {
		if !k.volatile[head(fact)] {
			v.facts = append(v.facts, fact)
		}
	}
	slices.Sort(v.facts)
	v.by = noticer(v.facts)
	if v.by != "" && m.Change != probing {
		for _, name := range []string{m.kind(), m.same()} {
			if k := r.kinds[name]; k.seen == nil {
				k.seen = m
			}
		}
	}
	return v, nil
}

// world runs a scenario in a world of its own, and returns the facts.
func (r *rig) world(s *scenario, order string, patience time.Duration) ([]string, error) {
	r.count++
	id := fmt.Sprintf("mutants-%d-%d", os.Getpid(), r.count)
	cmd := exec.Command("/proc/self/exe", s.name, r.base, id, order)
	cmd.Env = append(os.Environ(), "MUTANTS_WORLD="+patience.String())
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWUTS | syscall.CLONE_NEWIPC |
			syscall.CLONE_NEWNET,
		Pdeathsig: syscall.SIGKILL,
		Setpgid:   true, // kill(2) of process 0 ends a world, and not the rig
	}
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("make a world: %w (it takes root)", err)
	}
	late := time.AfterFunc(60*time.Second, func() { _ = cmd.Process.Kill() })
	err := cmd.Wait()
	late.Stop()
	for _, dir := range cgroupsOf(id) {
		_ = os.Remove(dir)
	}
	var facts []string
	if err == nil {
		err = json.Unmarshal(out.Bytes(), &facts)
	}
	if err != nil {
		// A plan that has lost a step may do this to its world. That can't be overlooked.
		return []string{"world: " + err.Error() + ": " + strings.TrimSpace(errs.String())}, nil
	}
	return facts, nil
}
