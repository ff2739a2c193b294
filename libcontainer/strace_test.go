package libcontainer

import (
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"rt/nsenter"
)

// TestStraceTellsTheSameStory has strace(1) watch boot processes, and compares its account with the plan: each call in
// its turn, with the operands that the plan shows, and after each the step to which its result leads.
func TestStraceTellsTheSameStory(t *testing.T) {
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("needs strace")
	}
	for name, edit := range map[string]func(config map[string]any){
		"namespaces": func(config map[string]any) {
			linux := config["linux"].(map[string]any)
			linux["namespaces"] = slices.DeleteFunc(linux["namespaces"].([]any),
				func(n any) bool { return n.(map[string]any)["type"] == "mount" })
			delete(linux, "maskedPaths")
			delete(linux, "readonlyPaths")
			delete(config, "mounts")
			config["root"].(map[string]any)["readonly"] = false
			config["process"].(map[string]any)["args"] = []string{"/bin/true"}
		},
		"the default config": func(map[string]any) {},
	} {
		t.Run(name, func(t *testing.T) {
			bundle := newBundle(t, edit)
			seen := straced(t, strace, bundle)
			r := tested{Runtime: Runtime{}}
			p, _, err := r.Plan(t.Context(), bundle, &CreateOptions{}, false)
			must(t, err)
			compareStory(t, &p.Program, seen)
		})
	}
}

// seenCall is a line of strace: the call, its operands, its result.
type seenCall struct {
	line, call string
	args       []string
	result     int64
	errno      string
}

// straced runs a container of bundle, named ID as in the plan of Runtime.Plan, and returns the calls of its boot
// process and of what comes after.
func straced(t *testing.T, strace, bundle string) (seen []seenCall) {
	t.Helper()
	dir := t.TempDir()
	cmd := exec.Command(strace, "-ff", "-v", "-s", "4096", "-o", dir+"/log", os.Args[0])
	cmd.Env = append(os.Environ(), "RT_TEST_CHILD=run", "RT_TEST_ROOT="+dir+"/root", "RT_TEST_ID=ID",
		"RT_TEST_BUNDLE="+bundle)
	if out, err := cmd.CombinedOutput(); err != nil {
		if strings.Contains(string(out), "ptrace") {
			t.Skipf("strace may not: %s", out)
		}
		t.Fatalf("%v\n%s", err, out)
	}
	logs, _ := filepath.Glob(dir + "/log.*")
	boot := regexp.MustCompile(`(?s)\nexecve\("/proc/self/fd/\d+", \["rt-boot", "ID"\][^\n]*= 0\n(.*)`)
	for _, name := range logs {
		text, err := os.ReadFile(name)
		must(t, err)
		if found := boot.FindSubmatch(text); found != nil {
			for line := range strings.Lines(string(found[1])) {
				if c, ok := parseStrace(strings.TrimSpace(line)); ok {
					seen = append(seen, c)
				}
			}
			return seen
		}
	}
	t.Fatalf("no boot process in %d logs", len(logs))
	return nil
}

var straceLine = regexp.MustCompile(`^(\w+)\((.*)\) += (-?\d+|0x[0-9a-f]+|\?)(?: (E[A-Z0-9]+))?`)

func parseStrace(line string) (seenCall, bool) {
	m := straceLine.FindStringSubmatch(line)
	if m == nil {
		return seenCall{}, false // a signal, the end
	}
	c := seenCall{line: line, call: m[1], args: operands(m[2]), errno: m[4]}
	c.result, _ = strconv.ParseInt(m[3], 0, 64)
	return c, true
}

// operands splits a list of operands, of strace or of a plan, at the commas that are in no string, list or structure.
func operands(text string) (list []string) {
	depth, quoted, from := 0, false, 0
	for i := 0; i < len(text); i++ {
		switch ch := text[i]; {
		case quoted && ch == '\\':
			i++
		case ch == '"':
			quoted = !quoted
		case quoted:
		case ch == '{' || ch == '[' || ch == '(':
			depth++
		case ch == '}' || ch == ']' || ch == ')':
			depth--
		case ch == ',' && depth == 0:
			list = append(list, strings.TrimSpace(text[from:i]))
			from = i + 1
		}
	}
	if last := strings.TrimSpace(text[from:]); last != "" {
		list = append(list, last)
	}
	return list
}

// compareStory follows the plan as the results of seen lead through it.
func compareStory(t *testing.T, p *nsenter.Program, seen []seenCall) {
	names := map[string]string{} // the numbers that strace shows for what the plan names: $root
	i, n := 0, 0
	for ; ; n++ {
		if n == len(seen) {
			t.Fatalf("strace saw %d calls, and the plan continues with %s", n, p.Text(i))
		}
		s, c := &p.Steps[i], &seen[n]
		if err := sameCall(p, i, c, names); err != nil {
			t.Fatalf("step %d: %v\nplan   %s\nstrace %s", i+1, err, p.Text(i), c.line)
		}
		if s.Call == nsenter.Execve && c.errno == "" {
			break
		}
		next := i + 1
		switch {
		case c.errno == "" && c.result >= int64(s.Min):
			next = max(next, int(s.Then))
		case slices.ContainsFunc(s.Errnos.All(), func(e unix.Errno) bool { return unix.ErrnoName(e) == c.errno }):
			next = max(next, int(s.Else))
		default:
			t.Fatalf("step %d has failed, and no errno of it says that this may be\n%s", i+1, c.line)
		}
		i = next
	}
	t.Logf("%d calls of a plan of %d steps", n+1, len(p.Steps))
	if n < 20 {
		t.Error("that can't be all")
	}
}

// randomKeyring is what rt adds to the name of a container's session keyring.
var randomKeyring = regexp.MustCompile(`\.[0-9a-f]{32}"`)

// sameCall compares one step with one call. A name in the plan ($root) has to stand for the same number each time until
// a step assigns another one.
func sameCall(p *nsenter.Program, i int, c *seenCall, names map[string]string) error {
	s := &p.Steps[i]
	if c.call != s.Call.String() {
		return fmt.Errorf("another call")
	}
	// What rt answers is not in the plan; the passwd of the bundle knows nobody.
	text := strings.Replace(p.Text(i), "HOME of the container's passwd", `"HOME=/"`, 1)
	text = strings.TrimPrefix(text, s.Call.String()+"(")
	depth, end := 1, 0
	for quoted := false; depth > 0; end++ {
		switch text[end] {
		case '\\':
			end++
		case '"':
			quoted = !quoted
		case '(':
			if !quoted {
				depth++
			}
		case ')':
			if !quoted {
				depth--
			}
		}
	}
	want := operands(text[:end-1])
	for k, w := range want {
		if k < len(c.args) && s.Call == nsenter.Keyctl && strings.HasPrefix(w, `"_ses.`) {
			// rt adds a random number, so that no other container can join the keyring by its name.
			c.args[k] = randomKeyring.ReplaceAllString(c.args[k], `"`)
		}
		switch {
		case k < len(c.args):
			if !sameOperand(w, c.args[k], names) {
				return fmt.Errorf("operand %d is %s, not %s", k+1, c.args[k], w)
			}
		case w != "0": // strace leaves out what the kernel does not look at
			return fmt.Errorf("operand %d is not seen", k+1)
		}
	}
	if s.To != nsenter.Nowhere && c.errno == "" {
		names["$"+p.Regs[s.To]] = strconv.FormatInt(c.result, 10)
	}
	return nil
}

// sameOperand compares w of the plan with what strace saw.
func sameOperand(w, saw string, names map[string]string) bool {
	switch {
	case strings.HasPrefix(w, "$"):
		if _, ok := names[w]; !ok {
			names[w] = saw // a descriptor that the boot process was given
		}
		return names[w] == saw
	case strings.HasPrefix(w, "{"), w == "scratch":
		return true // each has its own words for structures, and what a read will bring nobody knows
	case strings.HasPrefix(w, `"`):
		return unquoted(w) == unquoted(saw)
	case strings.HasPrefix(w, "["):
		return !strings.HasSuffix(w, "more]") && w == saw || strings.HasSuffix(w, "more]") && saw != ""
	}
	a, errA := strconv.ParseInt(w, 0, 64)
	b, errB := strconv.ParseInt(saw, 0, 64)
	if errA == nil && errB == nil {
		return a == b || b == -1 && a == math.MaxUint32 // so writes strace 5.10 the last descriptor of close_range(2)
	}
	if errA == nil {
		return saw != "NULL" || a == 0 // a number for which strace has a word
	}
	mine, its := strings.Split(w, "|"), strings.Split(strings.TrimPrefix(saw, "O_RDONLY|"), "|")
	slices.Sort(mine)
	slices.Sort(its)
	return slices.Equal(mine, its)
}

func unquoted(s string) string {
	if text, err := strconv.Unquote(s); err == nil {
		return text
	}
	return s
}
