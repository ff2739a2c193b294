package cli

import (
	"os/exec"
	"strings"
	"testing"
)

// complete asks bash what it would offer behind the words of line.
func complete(t *testing.T, line string) []string {
	t.Helper()
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("bash is not installed")
	}
	script, errs, status := rt(t, "completion", "bash")
	if status != 0 {
		t.Fatal(errs)
	}
	// The ids come from rt itself: here a function takes its place.
	script += "rt() { [ \"$*\" = 'list -q' ] && echo web1; }\n" +
		"COMP_WORDS=(" + line + "); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _rt; echo \"${COMPREPLY[*]}\"\n"
	out, err := exec.Command(bash, "-euc", script).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return strings.Fields(string(out))
}

func TestCompletion(t *testing.T) {
	for line, want := range map[string]string{
		"rt st":                          "start state",
		"rt --log":                       "--log --log-format",
		"rt --root /r --log x kill w":    "web1",
		"rt run --no-":                   "--no-pivot --no-new-keyring --no-subreaper",
		"rt create w":                    "",
		"rt --root /run/rt delete --for": "--force",
	} {
		if got := strings.Join(complete(t, line), " "); got != want {
			t.Errorf("%q completes to %q, want %q", line, got, want)
		}
	}
}

// zsh has it as a file that is run at the first completion. Not every machine has zsh, and then there is bash's to go by: they differ in words only.
func TestCompletionZsh(t *testing.T) {
	script, errs, status := rt(t, "completion", "zsh")
	if status != 0 || !strings.HasPrefix(script, "#compdef rt\n") || !strings.Contains(script, "\tstart) compadd -- ${(f)\"$(rt list -q 2>/dev/null)\"} --help ;;\n") {
		t.Fatalf("%d %s%s", status, errs, script)
	}
	zsh, err := exec.LookPath("zsh")
	if err != nil {
		return
	}
	for line, want := range map[string]string{
		"rt --root /r kill w": "web1 --help ",
		"rt create":           names()[0] + " ", // still to be completed
	} {
		// compadd and _files belong to the widget that is not there; the file is run as one of $fpath.
		said, err := exec.Command(zsh, "-fuc", `compadd() { shift; print -rn -- "$@ " }; _files() {}; rt() { print web1 }
			words=(`+line+`); CURRENT=${#words}; functions[_rt]=$1; _rt`, "zsh", script).CombinedOutput()
		if err != nil || !strings.HasPrefix(string(said), want) {
			t.Errorf("%q completes to %q, want %q: %v", line, said, want, err)
		}
	}
}

func TestCompletionShells(t *testing.T) {
	for shell, want := range map[string]string{
		"zsh": "compdef _rt rt", "fish": "complete -c rt -n '__fish_seen_subcommand_from delete' -l force -s f",
	} {
		if out, errs, status := rt(t, "completion", shell); status != 0 || !strings.Contains(out, want) {
			t.Errorf("%s: %d %s%s", shell, status, errs, out)
		}
	}
	if _, errs, status := rt(t, "completion", "fis"); status != 1 || !strings.Contains(errs, `did you mean "fish"?`) {
		t.Errorf("fis: %d %s", status, errs)
	}
}
